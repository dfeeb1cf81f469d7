//! What works inside a goroutine: each line of docs/inside.md, with 1, 2, 3 and 8 workers.

#[path = "../../support/mod.rs"]
mod support;

use gort::{bounded, go, runtime::block_on, runtime::blocking, unbounded, yield_now};
use std::{
    io::{self, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex as StdMutex},
    thread,
};

/// The page's table: crate and verdict.
fn lines_of_the_page() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/inside.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = cells[1].replace('`', "").replace("::", "_");
        (name.replace(['-', ' '], "_"), cells[2].replace(' ', "_"))
    })
    .collect()
}

#[test]
fn each_line_of_the_page_has_a_test() {
    let tests = include_str!("inside.rs");
    let lines = lines_of_the_page();
    assert_eq!(lines.len(), 16);
    for (name, verdict) in lines {
        assert!(
            tests.contains(&format!("\nfn {name}_{verdict}()")),
            "{name}"
        );
    }
}

/// Runs `f` in many goroutines at once and gives what they return.
fn many<T: Send + 'static>(f: impl Fn(u64) -> T + Clone + Send + 'static) -> Vec<T> {
    let handles: Vec<_> = (0..100)
        .map(|n| {
            let f = f.clone();
            go!(move || f(n))
        })
        .collect();
    handles.into_iter().map(|h| h.join().unwrap()).collect()
}

/// What a goroutine finds in its home while another of that home is parked within `hold`.
fn meanwhile<T: 'static>(
    hold: impl FnOnce(&dyn Fn()) + 'static,
    look: impl FnOnce() -> T + 'static,
) -> T {
    let (holds, is_held) = bounded::<()>(0);
    let (looked, is_over) = bounded::<()>(0);
    let holder = gort::spawn_local(move || {
        hold(&|| {
            holds.send(()).unwrap();
            is_over.recv().unwrap();
        });
    });
    let looker = gort::spawn_local(move || {
        is_held.recv().unwrap();
        let found = look();
        looked.send(()).unwrap();
        found
    });
    holder.join().unwrap();
    looker.join().unwrap()
}

#[test]
fn anyhow_yes() {
    fn sum() -> anyhow::Result<u32> {
        let good = go!(|| 20).try_join()?;
        let bad = go!(|| "x".parse::<u32>().expect("deliberate")).try_join()?;
        Ok(good + bad)
    }
    support::silence();
    support::each(|_| {
        let error = sum().unwrap_err();
        assert!(error.is::<gort::runtime::JoinError>());
        assert!(
            error.to_string().contains("panicked: deliberate"),
            "{error}"
        );
        let group = gort::WaitGroup::new();
        group.go(|| panic!("deliberate"));
        let error = anyhow::Error::from(group.wait_all().unwrap_err());
        assert!(error.context("a group").chain().count() == 2);
    });
}

#[test]
fn clap_yes() {
    #[derive(clap::Parser)]
    struct Args {
        #[arg(long)]
        count: u32,
    }
    support::each(|_| {
        let parsed = go!(|| <Args as clap::Parser>::try_parse_from(["x", "--count", "3"]));
        assert_eq!(parsed.join().unwrap().unwrap().count, 3);
        let refused = go!(|| <Args as clap::Parser>::try_parse_from(["x", "--count", "many"]));
        let error = refused.join().unwrap().err().expect("no number");
        assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
    });
}

#[test]
fn crossbeam_channel_with_care() {
    support::each(|_| {
        let (tx, rx) = crossbeam_channel::unbounded();
        let receiver = go!(move || blocking(move || rx.iter().sum::<u64>()));
        many(move |n| tx.send(n).unwrap());
        assert_eq!(receiver.join().unwrap(), 4950);
    });
}

#[test]
fn dashmap_with_care() {
    support::each(|_| {
        let map = Arc::new(dashmap::DashMap::new());
        let shared = Arc::clone(&map);
        many(move |n| {
            for _ in 0..10 {
                *shared.entry(n % 7).or_insert(0) += 1;
                let copied = *shared.get(&(n % 7)).unwrap();
                yield_now();
                assert!(*shared.get(&(n % 7)).unwrap() >= copied);
            }
        });
        assert_eq!(map.iter().map(|entry| *entry).sum::<u64>(), 1000);
        // A reference that is held over a park locks others out.
        let theirs = Arc::clone(&map);
        let hold = move |park: &dyn Fn()| {
            let _entry = theirs.get_mut(&1).unwrap();
            park();
        };
        let ours = Arc::clone(&map);
        assert!(meanwhile(hold, move || ours.try_get(&1).is_locked()));
        assert!(map.try_get(&1).is_present());
    });
}

#[test]
fn flume_with_care() {
    support::each(|_| {
        // Of capacity 1: both sides wait for each other, by parking.
        let (tx, rx) = flume::bounded(1);
        let receiver = go!(move || {
            let mut sum = 0;
            while let Ok(n) = block_on(rx.recv_async()) {
                sum += n;
            }
            sum
        });
        many(move |n| block_on(tx.send_async(n)).unwrap());
        assert_eq!(receiver.join().unwrap(), 4950);
    });
}

#[test]
fn parking_lot_with_care() {
    support::each(|_| {
        let sum = Arc::new(parking_lot::Mutex::new(0));
        let shared = Arc::clone(&sum);
        many(move |n| {
            let mut sum = shared.lock();
            *sum += n;
            drop(sum);
            yield_now();
        });
        assert_eq!(*sum.lock(), 4950);
        // Held over a park, it locks others out.
        let (theirs, ours) = (Arc::clone(&sum), Arc::clone(&sum));
        let hold = move |park: &dyn Fn()| {
            let _guard = theirs.lock();
            park();
        };
        assert!(meanwhile(hold, move || ours.try_lock().is_none()));
        assert!(sum.try_lock().is_some());
    });
}

#[test]
fn rand_yes() {
    use rand::Rng;
    support::each(|_| {
        let numbers = many(|_| {
            // Not `Send`, and held over parks.
            let mut rng = rand::rng();
            let home = thread::current().id();
            let sum = (0..10).fold(0_u64, |sum, _| {
                yield_now();
                sum ^ rng.random::<u64>()
            });
            assert_eq!(home, thread::current().id());
            sum
        });
        let distinct: std::collections::HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), 100);
    });
}

#[test]
fn rayon_with_care() {
    use rayon::prelude::*;
    support::each(|_| {
        // The pool waits for another goroutine, which runs meanwhile, also on one worker.
        let (tx, rx) = bounded(0);
        let sum = go!(move || {
            blocking(move || {
                (0..4_u64)
                    .into_par_iter()
                    .map(|n| n + rx.recv().unwrap())
                    .sum::<u64>()
            })
        });
        (0..4).for_each(|_| tx.send(10_u64).unwrap());
        assert_eq!(sum.join().unwrap(), 46_u64);
        // A short one may as well be called where it is.
        let sums = many(|n| (0..n).into_par_iter().sum::<u64>());
        assert_eq!(sums[99], 4851);
    });
}

#[test]
fn regex_yes() {
    support::each(|_| {
        let words = Arc::new(regex::Regex::new(r"\b(\w)\w*").unwrap());
        let initials = many(move |_| {
            let text = "go over Rust threads";
            let found = words.captures_iter(text).map(|found| {
                yield_now();
                found[1].to_owned()
            });
            found.collect::<String>()
        });
        assert!(initials.iter().all(|initials| initials == "goRt"));
    });
}

#[test]
fn rusqlite_with_care() {
    support::each(|_| {
        let (queries, asked) = unbounded::<(u64, gort::Sender<u64>)>();
        // One goroutine owns the connection, and parks within its transaction.
        let owner = go!(move || {
            let mut db = rusqlite::Connection::open_in_memory().unwrap();
            db.execute_batch("create table seen (n integer)").unwrap();
            let all = db.transaction().unwrap();
            for (n, reply) in asked {
                all.execute("insert into seen values (?1)", [n as i64])
                    .unwrap();
                let count =
                    all.query_row("select count(*) from seen", [], |row| row.get::<_, i64>(0));
                reply.send(count.unwrap() as u64).unwrap();
            }
            all.commit().unwrap();
            // A long query waits for the disk on a thread of its own.
            blocking(move || {
                let sum = db.query_row("select sum(n) from seen", [], |row| row.get::<_, i64>(0));
                sum.unwrap()
            })
        });
        let counts = many(move |n| {
            let (reply, count) = bounded(1);
            queries.send((n, reply)).unwrap();
            count.recv().unwrap()
        });
        assert_eq!(counts.into_iter().max(), Some(100));
        assert_eq!(owner.join().unwrap(), 4950);
    });
}

/// Reads what a channel brings, and parks for it.
struct FromChannel(gort::Receiver<u8>);

impl Read for FromChannel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.0.recv(), buffer.first_mut()) {
            (Ok(byte), Some(place)) => {
                *place = byte;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

#[test]
fn serde_json_yes() {
    support::each(|_| {
        let (tx, rx) = bounded(0);
        let parsed = go!(move || serde_json::from_reader::<_, serde_json::Value>(FromChannel(rx)));
        go!(move || {
            for byte in br#"{"go": [1, 2, {"rust": true}]}"# {
                tx.send(*byte).unwrap();
            }
        });
        let parsed = parsed.join().unwrap().unwrap();
        assert_eq!(parsed["go"][2]["rust"], true);
        let refused = go!(|| serde_json::from_str::<u8>("many"));
        assert!(refused.join().unwrap().is_err());
    });
}

#[test]
fn std_sync_locks_with_care() {
    support::each(|_| {
        let sum = Arc::new(StdMutex::new(0));
        let shared = Arc::clone(&sum);
        many(move |n| {
            // In here a park would panic: nobody holds the lock over one.
            let whole = gort::runtime::forbid_yield();
            *shared.lock().unwrap() += n;
            drop(whole);
            yield_now();
        });
        assert_eq!(*sum.lock().unwrap(), 4950);
        // Held over a park, it locks others out.
        let (theirs, ours) = (Arc::clone(&sum), Arc::clone(&sum));
        let hold = move |park: &dyn Fn()| {
            let _guard = theirs.lock();
            park();
        };
        assert!(meanwhile(hold, move || ours.try_lock().is_err()));
        assert!(sum.try_lock().is_ok());
    });
}

#[test]
fn std_sync_mpsc_with_care() {
    support::each(|_| {
        let (tx, rx) = std::sync::mpsc::channel();
        let receiver = go!(move || blocking(move || rx.iter().sum::<u64>()));
        many(move |n| tx.send(n).unwrap());
        assert_eq!(receiver.join().unwrap(), 4950);
    });
}

#[test]
fn tokio_with_care() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::{mpsc, oneshot},
        time::{Duration, sleep},
    };
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let tokio = Arc::new(tokio);
    support::each(|_| {
        // Timers and sockets, on tokio's threads.
        let handle = tokio.handle().clone();
        let echoed = many(move |n| {
            block_on(handle.spawn(async move {
                sleep(Duration::from_millis(1)).await;
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap();
                client.write_all(&n.to_le_bytes()).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                server.read_u64_le().await.unwrap()
            }))
            .unwrap()
        });
        assert_eq!(echoed.into_iter().sum::<u64>(), 4950);
        // Its channels, from goroutines to tasks and back.
        let (tx, mut rx) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(1);
        let server = tokio.spawn(async move {
            while let Some((n, reply)) = rx.recv().await {
                reply.send(n * n).unwrap();
            }
        });
        let squares = many(move |n| {
            let (reply, square) = oneshot::channel();
            block_on(tx.send((n, reply))).unwrap();
            block_on(square).unwrap()
        });
        assert_eq!(squares[9], 81);
        block_on(server).unwrap();
        let theirs = Arc::clone(&tokio);
        let whole = go!(move || blocking(move || theirs.block_on(async { 7 })));
        assert_eq!(whole.join().unwrap(), 7);
        // A context that is held over a park is found by those who have not entered it.
        let theirs = Arc::clone(&tokio);
        let hold = move |park: &dyn Fn()| {
            let _context = theirs.enter();
            park();
        };
        let is_inside = || tokio::runtime::Handle::try_current().is_ok();
        assert!(meanwhile(hold, is_inside));
        assert!(!meanwhile(|park| park(), is_inside));
    });
}

/// A writer for log lines that the test can read.
#[derive(Clone, Default)]
struct Lines(Arc<StdMutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn tracing_with_care() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    support::each(|_| {
        many(|n| {
            let span = tracing::info_span!("request", n);
            for step in 0..3 {
                span.in_scope(|| tracing::info!(target: "inside", n, step, "entered"));
                yield_now();
                tracing::info!(target: "inside", parent: &span, n, step, "named");
            }
        });
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<_> = text
        .lines()
        .filter(|line| line.contains(" inside: "))
        .collect();
    let runs = support::WORKERS.len();
    let narrowed = std::env::var_os("GORT_TEST_WORKERS").is_some();
    assert!(narrowed || ours.len() == runs * 100 * 6, "{}", ours.len());
    for line in ours {
        // "request{n=7}: inside: entered n=7 step=0"
        let span = line
            .split("request{n=")
            .nth(1)
            .and_then(|rest| rest.split('}').next());
        let span = span.unwrap_or_else(|| panic!("no span: {line}"));
        assert_eq!(line.matches("request{").count(), 1, "{line}");
        assert!(line.contains(&format!(" n={span} step=")), "{line}");
    }
}

#[test]
fn ureq_with_care() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap() == 0 {
                        return;
                    }
                    request.push(byte[0]);
                }
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
                stream.write_all(format!("{head}hello").as_bytes()).unwrap();
            });
        }
    });
    support::each(|_| {
        let get = move || {
            let mut response = ureq::get(format!("http://{address}/")).call().unwrap();
            response.body_mut().read_to_string().unwrap()
        };
        let bodies: Vec<_> = (0..10).map(|_| go!(move || blocking(get))).collect();
        for body in bodies {
            assert_eq!(body.join().unwrap(), "hello");
        }
    });
}
