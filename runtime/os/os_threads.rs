//! The threads of this process, as the operating system counts them.
//!
//! Linux says so in `/proc`. Where it is not there, or says something else than the numbers that
//! threads know themselves by, every thread looks foreign or none can be listed; what asks here
//! must then do nothing.

use std::{fs, time::Duration};

/// The number of the calling thread; 0 where there is none.
#[cfg(target_os = "linux")]
pub(crate) fn own_id() -> u32 {
    // SAFETY: no arguments, no failure.
    let id = unsafe { libc::gettid() };
    u32::try_from(id).unwrap_or(0)
}

/// The number of the calling thread; 0 where there is none.
#[cfg(not(target_os = "linux"))]
pub(crate) fn own_id() -> u32 {
    0
}

/// The numbers of all threads that live throughout the call; `None` where nobody can tell.
pub(crate) fn all() -> Option<Vec<u32>> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let number =
        |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    fs::read_dir("/proc/self/task").ok()?.map(number).collect()
}

/// How long a thread has been on a processor so far; `None` where nobody can tell.
pub(crate) fn cpu_time(id: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
    let nanos = stat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// What a thread is called; at most the first 15 bytes.
pub(crate) fn name_of(id: u32) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{id}/comm"));
    name.map_or_else(|_| String::from("?"), |name| name.trim_end().to_owned())
}

/// What a thread does, as the end of a sentence that begins with "it is"; `None` where nobody can
/// tell.
///
/// Only for threads of this process, and only as of now: it may do something else when this
/// returns.
pub(crate) fn doing(id: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let read = |file| fs::read_to_string(format!("/proc/self/task/{id}/{file}")).ok();
    read("syscall")
        .and_then(|text| doing_by_call(&text))
        .or_else(|| doing_by_state(&read("stat")?))
}

/// By what `/proc/self/task/<id>/syscall` says: `running`, or the number of the system call and its
/// arguments, or -1 if the thread waits outside of one. The kernel may be built without that file.
fn doing_by_call(text: &str) -> Option<String> {
    let first = text.split_ascii_whitespace().next()?;
    if first == "running" {
        return Some("computing".to_owned());
    }
    let number: libc::c_long = first.parse().ok()?;
    if number < 0 {
        return Some("waiting for the kernel, outside of a system call".to_owned());
    }
    Some(match name_of_call(number) {
        Some(name) => format!("in the system call {name}"),
        None => format!("in system call {number}"),
    })
}

/// By the state's letter in `/proc/self/task/<id>/stat`, which follows the name, in parentheses.
fn doing_by_state(text: &str) -> Option<String> {
    let (_, after) = text.rsplit_once(')')?;
    let words = match after.trim_start().chars().next()? {
        'R' => "computing",
        'S' => "waiting in a system call",
        'D' => "waiting for a device",
        'T' | 't' => "stopped",
        _ => return None,
    };
    Some(words.to_owned())
}

/// The names of calls that goroutines block their threads in, and of few others.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
fn name_of_call(number: libc::c_long) -> Option<&'static str> {
    const CALLS: &[(libc::c_long, &str)] = &[
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        (libc::SYS_ppoll, "ppoll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_accept, "accept"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fsync, "fsync"),
    ];
    let call = CALLS.iter().find(|(known, _)| *known == number);
    call.map(|(_, name)| *name)
}

/// The numbers of other systems are not known here.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
fn name_of_call(_: libc::c_long) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::stack::child;
    use std::{
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        thread,
        time::{Duration, Instant},
    };

    #[test]
    fn a_thread_is_listed_while_it_lives() {
        let (tell, told) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("listed".into());
        let thread = thread.spawn(move || {
            tell.send(own_id()).unwrap();
            let _ = ends.recv();
        });
        let id = told.recv().unwrap();
        if cfg!(target_os = "linux") {
            let all = all().unwrap();
            assert!(
                all.contains(&id) && all.contains(&own_id()),
                "{id} in {all:?}"
            );
            assert_eq!(name_of(id), "listed");
        }
        drop(end);
        thread.unwrap().join().unwrap();
    }

    /// Whether a thread that runs `body` is said to do this, some time while it runs.
    fn is_said(expected: &str, body: impl FnOnce(&AtomicBool) + Send) -> Result<(), Vec<String>> {
        let stop = AtomicBool::new(false);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                tell.send(own_id()).unwrap();
                body(&stop);
            });
            let id = told.recv().unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            let mut said = Vec::new();
            while Instant::now() < until {
                let now = doing(id).unwrap();
                if now == expected {
                    stop.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                said.push(now);
                thread::sleep(Duration::from_millis(1));
            }
            stop.store(true, Ordering::Relaxed);
            said.dedup();
            Err(said)
        })
    }

    #[test]
    fn a_thread_that_computes_is_said_to() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let said = is_said("computing", |stop| {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        assert_eq!(said, Ok(()));
    }

    #[test]
    fn a_thread_that_sleeps_is_said_to() {
        let lacks = "the numbers of system calls are those of the machine below";
        if !cfg!(target_os = "linux") || child::is_emulated(lacks) {
            return;
        }
        // Without the file for calls the state's letter has to do.
        let has_calls = fs::read_to_string("/proc/self/syscall").is_ok();
        let expected = match has_calls {
            true => "in the system call clock_nanosleep",
            false => "waiting in a system call",
        };
        let said = is_said(expected, |stop| {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(50));
            }
        });
        assert_eq!(said, Ok(()));
    }

    #[test]
    fn nothing_is_said_of_a_thread_that_is_not_there() {
        assert_eq!(doing(u32::MAX), None);
    }

    #[test]
    fn calls_are_understood() {
        let by_call = |text| doing_by_call(text).unwrap();
        assert_eq!(by_call("running\n"), "computing");
        let outside = "waiting for the kernel, outside of a system call";
        assert_eq!(by_call("-1 0x7ffc 0x7f00\n"), outside);
        assert_eq!(
            by_call("99999 0x1 0x2 0x7ffc 0x7f00\n"),
            "in system call 99999"
        );
        assert_eq!(doing_by_call(""), None);
        assert_eq!(doing_by_call("strange"), None);
    }

    #[test]
    fn states_are_understood_whatever_the_name() {
        let by_state = |text| doing_by_state(text);
        let sleeps = Some("waiting in a system call".to_owned());
        assert_eq!(by_state("12 (name) S 1 2"), sleeps);
        assert_eq!(by_state("12 (R) R) S 1 2"), sleeps);
        assert_eq!(by_state("12 (name) R 1 2"), Some("computing".to_owned()));
        assert_eq!(
            by_state("12 (name) D 1"),
            Some("waiting for a device".to_owned())
        );
        assert_eq!(by_state("12 (name) t 1"), Some("stopped".to_owned()));
        assert_eq!(by_state("12 (name) Z 1"), None);
        assert_eq!(by_state("nonsense"), None);
    }
}
