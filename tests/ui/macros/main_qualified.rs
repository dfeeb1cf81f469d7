//! `main` is a plain function. All that is wrong with it is reported at once, with the options.

#[gort::main(workers = 0)]
const unsafe extern "C" fn main() {}
