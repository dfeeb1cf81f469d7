//! Something that is neither an expression nor statements.

fn main() {
    gort::go!(let);
}
