//! Exact decimal amounts: text to a whole number of a fixed fraction (millionths, cents). No binary fraction ever takes
//! part, so sums do not depend on their order.

/// Decimals that an increment keeps.
pub const MILLIONTHS_DECIMALS: u32 = 6;
/// More significant digits than this overflow an `i64` at any scale that is used here.
const DIGITS_MAX: usize = 30;

/// Why a text is not an exact amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("it is not a decimal number")]
    NotANumber,
    /// More decimals than are kept exactly.
    #[error("it has more than {0} decimals")]
    TooPrecise(u32),
    /// Too large to be kept at this precision.
    #[error("it is too large")]
    TooLarge,
}

/// The amount in millionths: `0.5` is 500,000.
pub fn millionths(text: &str) -> Result<i64, AmountError> {
    scaled(text, MILLIONTHS_DECIMALS)
}

/// The amount times ten to the power of `decimals`: `scaled("11.77", 2)` is 1177. Reads `-1`, `+1.50`, `1e-5`.
pub fn scaled(text: &str, decimals: u32) -> Result<i64, AmountError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| AmountError::NotANumber)?),
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(AmountError::NotANumber);
    }
    let mut significant: Vec<u8> = digits().skip_while(|digit| *digit == b'0').collect();
    // How many places the point still has to move to the right.
    let mut shift = i64::from(decimals) + i64::from(exponent) - fraction.len() as i64;
    while shift < 0 && significant.last() == Some(&b'0') {
        significant.pop();
        shift += 1;
    }
    if significant.is_empty() {
        return Ok(0);
    }
    if shift < 0 {
        return Err(AmountError::TooPrecise(decimals));
    }
    if significant.len() as i64 + shift > DIGITS_MAX as i64 {
        return Err(AmountError::TooLarge);
    }
    significant.resize(significant.len() + shift as usize, b'0');
    let value = significant.iter().fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    i64::try_from(if negative { -value } else { value }).map_err(|_| AmountError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, expected) in [
            ("0", 0),
            ("-0.0", 0),
            ("1", 1_000_000),
            ("+1", 1_000_000),
            ("0.1", 100_000),
            ("-11.77", -11_770_000),
            ("0.000001", 1),
            ("1e-05", 10),
            ("1.50E3", 1_500_000_000),
            ("0.00000100", 1),
            ("000012", 12_000_000),
            ("9223372036854.775807", i64::MAX),
            ("-9223372036854.775808", i64::MIN),
            ("0e999", 0),
        ] {
            assert_eq!(millionths(text), Ok(expected), "{text}");
        }
        assert_eq!(scaled("12.00", 2), Ok(1200));
        assert_eq!(scaled("7", 0), Ok(7));
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        for (text, expected) in [
            ("0.0000001", AmountError::TooPrecise(6)),
            ("1e-7", AmountError::TooPrecise(6)),
            ("9223372036854.775808", AmountError::TooLarge),
            ("1e300", AmountError::TooLarge),
            ("1e99999", AmountError::NotANumber),
            ("", AmountError::NotANumber),
            ("-", AmountError::NotANumber),
            (".5", AmountError::NotANumber),
            ("1,5", AmountError::NotANumber),
            ("NaN", AmountError::NotANumber),
            ("１", AmountError::NotANumber),
        ] {
            assert_eq!(millionths(text), Err(expected), "{text}");
        }
        assert_eq!(scaled("1.999", 2), Err(AmountError::TooPrecise(2)));
    }
}
