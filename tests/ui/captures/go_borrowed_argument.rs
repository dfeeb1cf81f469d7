//! A goroutine outlives its spawner: it cannot borrow from it.

fn show(text: &str) {
    println!("{text}");
}

fn main() {
    let text = String::from("here");
    gort::go!(show(&text));
}
