//! A goroutine runs plain code.

fn main() {
    gort::go!(async { 1 });
    gort::go!(async move || 1);
    gort::go!(f().await);
}

fn f() {}
