//! scratch
use gort::{go, sync::channel::bounded};
use std::time::Instant;
fn cpu() -> (f64, f64) {
    let mut u: libc_rusage = unsafe { std::mem::zeroed() };
    unsafe { getrusage(0, &mut u) };
    (u.ut.0 as f64 + u.ut.1 as f64 / 1e6, u.st.0 as f64 + u.st.1 as f64 / 1e6)
}
#[repr(C)]
struct libc_rusage { ut: (i64, i64), st: (i64, i64), rest: [i64; 14] }
unsafe extern "C" { fn getrusage(w: i32, u: *mut libc_rusage) -> i32; }
#[gort::main]
fn main() {
    let n = 1_000_000usize;
    for _ in 0..3 {
        let (tx, rx) = bounded::<()>(0);
        let wg = gort::sync::WaitGroup::new();
        let started = gort::sync::WaitGroup::new();
        started.add(n);
        let c0 = cpu();
        let t = Instant::now();
        for _ in 0..n {
            let rx = rx.clone();
            let st = started.clone();
            wg.add(1);
            let wg = wg.clone();
            go!(move || { st.done(); let _ = rx.recv(); wg.done(); });
        }
        started.wait();
        let c1 = cpu();
        println!("start {:.1} ns, user {:.2} sys {:.2} us each", t.elapsed().as_nanos() as f64 / n as f64, (c1.0 - c0.0) * 1e6 / n as f64, (c1.1 - c0.1) * 1e6 / n as f64);
        let t = Instant::now();
        tx.close();
        wg.wait();
        let c2 = cpu();
        println!("release {:.1} ns user {:.2} sys {:.2}", t.elapsed().as_nanos() as f64 / n as f64, (c2.0 - c1.0) * 1e6 / n as f64, (c2.1 - c1.1) * 1e6 / n as f64);
    }
}
