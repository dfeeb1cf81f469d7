//! scratch
use gort::{go, sync::WaitGroup};
use std::time::Instant;
#[gort::main]
fn main() {
    let h = go!(|| 6 * 7);
    println!("{}", h.join().unwrap());
    let n = 1_000_000;
    for _ in 0..4 {
        let wg = WaitGroup::new();
        let t = Instant::now();
        wg.add(n);
        for _ in 0..n {
            let wg = wg.clone();
            go!(move || wg.done());
        }
        let s = t.elapsed();
        wg.wait();
        println!(
            "fanout {:.1} ns (spawn {:.1})",
            t.elapsed().as_nanos() as f64 / n as f64,
            s.as_nanos() as f64 / n as f64
        );
    }
    for g in [1usize, 1000, 100_000] {
        let per = 5_000_000 / g;
        let t = Instant::now();
        let hs: Vec<_> = (0..g)
            .map(|_| {
                go!(move || for _ in 0..per {
                    gort::yield_now()
                })
            })
            .collect();
        for h in hs {
            h.join().unwrap();
        }
        println!(
            "yield_{g} {:.1} ns",
            t.elapsed().as_nanos() as f64 / (per * g) as f64
        );
    }
    println!("{:?}", gort::runtime::metrics());
}
