//! What the servers among the examples share: they say where they listen, and stop gracefully on
//! SIGINT, which is Ctrl-C. In Go: `signal.Notify` and `http.Server.Shutdown`.

use gort::net::{Connection, Server, TcpListener};
use gort::{go, signal};
use std::io::{self, Write};
use std::time::Duration;

/// How long clients may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Listens on an address, prints it as the first line, and calls `client` for each connection, in a
/// goroutine of its own. What goes wrong with one ends that one, and is told on stderr.
///
/// On SIGINT nobody is accepted any more, and who waits in `read_idle` reads the end; what was
/// asked before is still answered. When all have ended, or after ten seconds, or on a second
/// SIGINT, this returns.
pub(crate) fn serve<F>(name: &'static str, address: &str, client: F) -> io::Result<()>
where
    F: Fn(&Connection) -> io::Result<()> + Send + Sync + 'static,
{
    let interrupts = signal::ctrl_c()?;
    let server = Server::new(TcpListener::bind(address)?);
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;
    let stopper = server.stopper();
    go!(move || {
        for (grace, _) in [GRACE, Duration::ZERO].iter().zip(interrupts) {
            stopper.stop(*grace);
        }
    });
    server.serve(move |connection| {
        client(connection)
            .unwrap_or_else(|error| eprintln!("{name}: {}: {error}", connection.peer()));
    })?;
    Ok(())
}
