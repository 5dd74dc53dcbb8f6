//! What is usual, from few values of which some may be wild: the median and the median absolute deviation stay where most
//! values are, while one outlier moves a mean and a standard deviation as far as it likes.
//!
//! Source: F. R. Hampel, "The Influence Curve and Its Role in Robust Estimation", JASA 69 (1974); C. Leys et al.,
//! "Detecting outliers: Do not use standard deviation around the mean, use absolute deviation around the median", Journal
//! of Experimental Social Psychology 49 (2013).

/// The value in the middle, of an even number the mean of the two, rounded down; `None` of nothing.
pub(super) fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len().div_euclid(2))?;
    if sorted.len().rem_euclid(2) == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len().div_euclid(2).checked_sub(1)?)?;
    Some(lower.midpoint(upper))
}

/// The median of how far each value is from the median; not scaled to a standard deviation.
pub(super) fn median_absolute_deviation(values: &[u64]) -> Option<u64> {
    let middle = median(values)?;
    let distances: Vec<u64> = values.iter().map(|value| value.abs_diff(middle)).collect();
    median(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[9, 1, 5]), Some(5));
        assert_eq!(median(&[9, 1, 5, 4]), Some(4), "4.5, rounded down");
        assert_eq!(median(&[u64::MAX, u64::MAX]), Some(u64::MAX));
    }

    #[test]
    fn one_wild_value_moves_neither() {
        // The example of Leys et al.: median 5.5 of the eight values without the last.
        let values = [1, 3, 3, 6, 8, 10, 10, 1000];
        assert_eq!(median(&values), Some(7));
        assert_eq!(median_absolute_deviation(&values), Some(3));
        assert_eq!(median_absolute_deviation(&[5, 5, 5, 500]), Some(0));
        assert_eq!(median_absolute_deviation(&[]), None);
    }
}
