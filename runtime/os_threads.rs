//! The threads of this process, as the operating system counts them.
//!
//! Linux says so in `/proc`. Where it is not there, or says something else than the numbers that threads know themselves by, every thread looks
//! foreign or none can be listed; what asks here must then do nothing.

use std::fs;

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

/// What a thread is called; at most the first 15 bytes.
pub(crate) fn name_of(id: u32) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{id}/comm"));
    name.map_or_else(|_| String::from("?"), |name| name.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

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
}
