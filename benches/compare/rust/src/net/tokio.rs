//! The peer tokio: a task for each connection, and hyper for HTTP.

#[path = "cli.rs"]
mod cli;

use bytes::Bytes;
use cli::Service;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, io};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

/// As in the other servers.
const ECHO_BUFFER: usize = 16 << 10;

fn main() -> io::Result<()> {
    let options = cli::parse();
    let runtime = Builder::new_multi_thread()
        .worker_threads(options.workers)
        .enable_all()
        .build()?;
    // A task, and not the future of `block_on`: a thread beside the workers would poll that.
    let accept = runtime.spawn(serve(options.addr, options.service));
    runtime.block_on(accept).expect("accepting does not panic")
}

async fn serve(addr: String, service: Service) -> io::Result<()> {
    let listener = TcpListener::bind(addr).await?;
    cli::announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match service {
            Service::Echo => drop(tokio::spawn(echo(stream))),
            Service::Http => drop(tokio::spawn(http(stream))),
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn http(stream: TcpStream) -> hyper::Result<()> {
    http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service_fn(hello))
        .await
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"Hello, world!")));
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}
