//! `real` and `double precision`: the shortest digits that mean the number, as PostgreSQL prints it.

use crate::rest::error::RestError;
use crate::schema::PgType;

/// Parses a number. What is not one has no place in SQLite.
pub fn parse(pg_type: PgType, text: &str) -> Result<f64, RestError> {
    let trimmed = text.trim();
    let parsed = match pg_type {
        PgType::Real => trimmed.parse::<f32>().map(f64::from),
        _ => trimmed.parse::<f64>(),
    };
    let number = parsed.map_err(|_| RestError::invalid_input(pg_type.name(), text))?;
    if number.is_nan() {
        let details = format!("The local Supabase does not store NaN as {}.", pg_type.name());
        return Err(RestError::not_implemented(details));
    }
    let is_written_out = trimmed.bytes().any(|byte| byte.is_ascii_digit());
    let has_digits = trimmed
        .split(['e', 'E'])
        .next()
        .unwrap_or_default()
        .contains(|c: char| c.is_ascii_digit() && c != '0');
    if number.is_infinite() && is_written_out || number == 0.0 && has_digits {
        let message = format!("\"{trimmed}\" is out of range for type {}", pg_type.name());
        return Err(RestError::sql("22003", message));
    }
    Ok(number)
}

/// A number as text.
pub fn print(pg_type: PgType, number: f64) -> String {
    match pg_type {
        PgType::Real => {
            let number = number as f32;
            shortest(&format!("{number:e}"), &number.to_string(), 6)
        }
        _ => shortest(&format!("{number:e}"), &number.to_string(), 15),
    }
}

/// With an exponent where it is large or small.
fn shortest(scientific: &str, plain: &str, digits: i32) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return if plain.starts_with('-') { "-Infinity" } else { "Infinity" }.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..digits).contains(&exponent) {
        return plain.to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The same for JSON, which has no infinite numbers.
pub fn to_json(pg_type: PgType, number: f64) -> String {
    let text = print(pg_type, number);
    if number.is_finite() { text } else { format!("\"{text}\"") }
}
