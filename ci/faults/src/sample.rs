//! Which of many calls are made to fail.

/// Up to `most` of the numbers from 1 to `calls`: the first ones all, for there a runtime starts,
/// the last one, and between them some whose distances grow.
pub(crate) fn of(calls: usize, most: usize) -> Vec<usize> {
    if calls <= most {
        return (1..=calls).collect();
    }
    let dense = most * 2 / 3;
    let mut chosen: Vec<usize> = (1..=dense).collect();
    let rest = (most - dense).max(1);
    let growth = (calls as f64 / dense.max(1) as f64).powf(1.0 / rest as f64);
    for i in 1..=rest {
        let k = (dense.max(1) as f64 * growth.powi(i as i32)).round() as usize;
        chosen.push(k.clamp(1, calls));
    }
    chosen.dedup();
    chosen
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_and_the_last_are_among_them() {
        assert_eq!(super::of(5, 60), [1, 2, 3, 4, 5]);
        let some = super::of(100_000, 30);
        assert!(some.len() <= 30 && some.is_sorted());
        assert_eq!((some[0], some[19], *some.last().unwrap()), (1, 20, 100_000));
    }
}
