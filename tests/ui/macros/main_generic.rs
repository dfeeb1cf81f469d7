//! `main` is not generic.

#[gort::main]
fn main<T>()
where
    T: Default,
{
}
