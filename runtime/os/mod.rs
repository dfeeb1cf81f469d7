//! What the system gives to the runtime, and what it says of this process.
//!
//! | file | what it is |
//! |---|---|
//! | `futex` | waiting for a word to change: how workers and owners sleep |
//! | `park_thread` | parking threads that run no goroutines |
//! | `os_threads` | the threads of this process: their numbers and names, what they do |
//! | `stderr` | lines on the error stream |
//! | `sanitizer` | telling AddressSanitizer of each change of stacks |

pub(crate) mod futex;
pub(crate) mod os_threads;
pub(crate) mod park_thread;
pub(crate) mod sanitizer;
pub(crate) mod stderr;
