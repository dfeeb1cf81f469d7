//! A process that may open no more descriptors: an accept says so, and the next one works. Alone in
//! its process, whose limit it lowers.
#![cfg(unix)]

mod support;

use gort::net::{TcpListener, TcpStream};
use std::{fs::File, os::fd::AsRawFd};

/// Lets the process have descriptors below `limit` only; gives what it was before.
fn limit_descriptors(limit: libc::rlim_t) -> libc::rlim_t {
    let mut both = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: it lives through the calls, which read and write nothing else.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut both), 0);
        let before = both.rlim_cur;
        both.rlim_cur = limit;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const both), 0);
        before
    }
}

#[test]
fn an_accept_works_again_after_too_many_descriptors() {
    support::each(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        // Something has been waited for, so what waits has its own descriptors.
        let first = gort::spawn(move || TcpStream::connect(addr).unwrap());
        let _server = listener.accept().unwrap();
        let _first = first.join().unwrap();

        let clients = [(); 3].map(|()| TcpStream::connect(addr).unwrap());
        let lowest_free = File::open("/dev/null").unwrap().as_raw_fd();
        let before = limit_descriptors(lowest_free.try_into().unwrap());
        let refused = [(); 3].map(|()| listener.accept().map_err(|e| e.raw_os_error()));
        limit_descriptors(before);
        for one in refused {
            assert_eq!(one.unwrap_err(), Some(libc::EMFILE));
        }
        let mut there = [(); 3].map(|()| listener.accept().unwrap().1);
        let mut expected = clients
            .each_ref()
            .map(|client| client.local_addr().unwrap());
        there.sort();
        expected.sort();
        assert_eq!(there, expected);
    });
}
