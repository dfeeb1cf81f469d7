//! Numbers of things in messages.
#![forbid(unsafe_code)]

/// `1 goroutine`, `2 goroutines`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{ending}")
}

/// `1 goroutine was`, `2 goroutines were`: with a verb that has two forms.
pub(crate) fn count_with(n: usize, thing: &str, [one, many]: [&str; 2]) -> String {
    format!("{} {}", count(n, thing), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use crate::runtime::plural::{count, count_with};

    #[test]
    fn one_thing_is_singular() {
        let words = [0, 1, 2].map(|n| count(n, "goroutine"));
        assert_eq!(words, ["0 goroutines", "1 goroutine", "2 goroutines"]);
        let words = [1, 2].map(|n| count_with(n, "goroutine", ["was", "were"]));
        assert_eq!(words, ["1 goroutine was", "2 goroutines were"]);
    }
}
