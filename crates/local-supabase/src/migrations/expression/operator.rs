//! Operators.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::literal;
use super::translator::Translator;
use super::value::{Kind, Value, boolean, text};
use crate::migrations::not_understood::{Result, not_understood};
use crate::rest::value::regex::Pattern;
use crate::schema::PgType;

impl Translator<'_> {
    pub(super) fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Value> {
        use BinaryOperator as Op;
        match op {
            Op::And | Op::Or => {
                let (a, b) = (self.condition(left)?, self.condition(right)?);
                let word = if *op == Op::And { "and" } else { "or" };
                Ok(boolean(&format!("{a} {word} {b}")))
            }
            Op::Eq => self.compare(left, "=", right),
            Op::NotEq => self.compare(left, "<>", right),
            Op::Lt => self.order(left, "<", right),
            Op::LtEq => self.order(left, "<=", right),
            Op::Gt => self.order(left, ">", right),
            Op::GtEq => self.order(left, ">=", right),
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
                self.arithmetic(left, &op.to_string(), right)
            }
            Op::StringConcat => self.concatenate(left, right),
            Op::Arrow => self.member(left, right, "jsonb_get", PgType::Jsonb),
            Op::LongArrow => self.member(left, right, "jsonb_get_text", PgType::Text),
            Op::HashArrow => self.at_path(left, right, "jsonb_get", PgType::Jsonb),
            Op::HashLongArrow => self.at_path(left, right, "jsonb_get_text", PgType::Text),
            Op::AtArrow => self.contains(left, right),
            Op::ArrowAt => self.contains(right, left),
            Op::PGOverlap => self.overlaps(left, right),
            Op::Question => {
                let (json, key) =
                    (self.typed(left, PgType::Jsonb)?, self.typed(right, PgType::Text)?);
                Ok(boolean(&format!("jsonb_has_key({json}, {key})")))
            }
            Op::PGRegexMatch => self.regex(left, right, false, false),
            Op::PGRegexIMatch => self.regex(left, right, true, false),
            Op::PGRegexNotMatch => self.regex(left, right, false, true),
            Op::PGRegexNotIMatch => self.regex(left, right, true, true),
            Op::PGLikeMatch => self.like("pg_like", false, left, right),
            Op::PGILikeMatch => self.like("pg_ilike", false, left, right),
            Op::PGNotLikeMatch => self.like("pg_like", true, left, right),
            Op::PGNotILikeMatch => self.like("pg_ilike", true, left, right),
            other => not_understood(format!("the operator {other} is not known")),
        }
    }

    pub(super) fn unary(&mut self, op: UnaryOperator, expr: &Expr) -> Result<Value> {
        match op {
            UnaryOperator::Not => {
                let condition = self.condition(expr)?;
                Ok(boolean(&format!("not {condition}")))
            }
            UnaryOperator::Minus | UnaryOperator::Plus => {
                let value = self.expr(expr)?;
                match value.kind {
                    Kind::Of(pg_type) if pg_type.is_number() || pg_type == PgType::Interval => {
                        Ok(Value { sql: format!("({op}{})", value.sql), kind: value.kind })
                    }
                    _ => not_understood(format!("the sign of {expr}")),
                }
            }
            other => not_understood(format!("the operator {other} is not known")),
        }
    }

    pub(super) fn is_null(&mut self, expr: &Expr, words: &str) -> Result<Value> {
        let value = self.expr(expr)?;
        Ok(boolean(&format!("{} {words}", value.sql)))
    }

    pub(super) fn truth(&mut self, expr: &Expr, words: &str) -> Result<Value> {
        let condition = self.condition(expr)?;
        Ok(boolean(&format!("{condition} {words}")))
    }

    /// A comparison for equality: both sides as values of one type.
    pub(super) fn compare(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<Value> {
        let sides = vec![self.expr(left)?, self.expr(right)?];
        let (sides, kind) = self.unified(sides)?;
        if matches!(kind, Kind::Of(PgType::Json)) {
            return not_understood("values of type json cannot be compared");
        }
        Ok(boolean(&format!("{} {operator} {}", sides[0], sides[1])))
    }

    fn order(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<Value> {
        let sides = vec![self.expr(left)?, self.expr(right)?];
        let (sides, kind) = self.unified(sides)?;
        require_ordered(&kind)?;
        Ok(boolean(&format!("{} {operator} {}", sides[0], sides[1])))
    }

    pub(super) fn between(
        &mut self,
        expr: &Expr,
        negated: bool,
        low: &Expr,
        high: &Expr,
    ) -> Result<Value> {
        let values = vec![self.expr(expr)?, self.expr(low)?, self.expr(high)?];
        let (values, kind) = self.unified(values)?;
        require_ordered(&kind)?;
        let not = if negated { "not " } else { "" };
        Ok(boolean(&format!("{} {not}between {} and {}", values[0], values[1], values[2])))
    }

    fn arithmetic(&mut self, left: &Expr, operator: &str, right: &Expr) -> Result<Value> {
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        let is_interval =
            |value: &Value| matches!(value.kind, Kind::Of(PgType::Interval) | Kind::Months(_));
        match (a.kind.clone(), b.kind.clone(), operator) {
            (Kind::Of(PgType::Interval), Kind::Of(PgType::Interval), "+" | "-") => {
                Ok(Value::new(format!("({} {operator} {})", a.sql, b.sql), PgType::Interval))
            }
            (Kind::Of(PgType::Interval), Kind::Of(n), "*") if n.is_number() => {
                Ok(Value::new(format!("cast({} * {} as integer)", a.sql, b.sql), PgType::Interval))
            }
            (Kind::Of(n), Kind::Of(PgType::Interval), "*") if n.is_number() => {
                Ok(Value::new(format!("cast({} * {} as integer)", a.sql, b.sql), PgType::Interval))
            }
            (_, _, "+" | "-") if is_interval(&b) => self.shifted(a, operator, &b),
            (_, _, "+") if is_interval(&a) => self.shifted(b, operator, &a),
            (
                Kind::Of(PgType::Timestamptz | PgType::Timestamp),
                Kind::Of(PgType::Timestamptz | PgType::Timestamp),
                "-",
            ) => Ok(Value::new(format!("({} - {})", a.sql, b.sql), PgType::Interval)),
            (Kind::Of(PgType::Date), Kind::Of(PgType::Date), "-") => {
                Ok(Value::new(format!("({} - {})", a.sql, b.sql), PgType::Integer))
            }
            (Kind::Of(PgType::Date), Kind::Of(n), "+" | "-") if n.is_integer() => {
                Ok(Value::new(format!("({} {operator} {})", a.sql, b.sql), PgType::Date))
            }
            _ => self.numbers(a, operator, b),
        }
    }

    fn numbers(&mut self, a: Value, operator: &str, b: Value) -> Result<Value> {
        let kind = self.common(&a.kind, &b.kind)?;
        let Kind::Of(pg_type) = kind else { return not_understood("arithmetic without a type") };
        if !pg_type.is_number() || operator == "%" && !pg_type.is_integer() {
            return not_understood(format!("{} {operator} {}", pg_type.name(), pg_type.name()));
        }
        let (a, b) = (self.coerce(a, pg_type)?, self.coerce(b, pg_type)?);
        // SQLite makes null of a division by zero.
        let sql = match operator {
            "/" | "%" => format!("pg_divide('{operator}', {a}, {b})"),
            _ => format!("({a} {operator} {b})"),
        };
        Ok(Value::new(sql, pg_type))
    }

    fn concatenate(&mut self, left: &Expr, right: &Expr) -> Result<Value> {
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        let is = |value: &Value, pg_type: fn(PgType) -> bool| matches!(value.kind, Kind::Of(t) if pg_type(t));
        let other = |t: PgType| matches!(t, PgType::Jsonb | PgType::Array(_) | PgType::Bytea);
        if is(&a, other) || is(&b, other) {
            return not_understood("|| of anything but texts is not implemented");
        }
        let (a, b) = (self.printed(a)?, self.printed(b)?);
        Ok(text(format!("({a} || {b})")))
    }

    /// `->` and `->>`
    fn member(
        &mut self,
        left: &Expr,
        right: &Expr,
        function: &str,
        pg_type: PgType,
    ) -> Result<Value> {
        let json = self.json(left)?;
        let key = self.expr(right)?;
        let path = match &key.kind {
            Kind::Literal(key) => {
                literal::quoted(&serde_json::Value::from(vec![key.as_str()]).to_string())?
            }
            Kind::Of(t) if t.is_integer() || t.is_text() => format!("json_array({})", key.sql),
            _ => return not_understood(format!("the key {right}")),
        };
        Ok(Value::new(format!("{function}({json}, {path})"), pg_type))
    }

    /// `#>` and `#>>` with a constant path.
    fn at_path(
        &mut self,
        left: &Expr,
        right: &Expr,
        function: &str,
        pg_type: PgType,
    ) -> Result<Value> {
        let json = self.json(left)?;
        let Kind::Literal(path) = self.expr(right)?.kind else {
            return not_understood(format!("the path {right}"));
        };
        let keys = crate::rest::value::array::elements(&path).ok();
        let keys: Option<Vec<String>> = keys.and_then(|keys| keys.into_iter().collect());
        let Some(keys) = keys else { return not_understood(format!("the path {right}")) };
        if keys.iter().any(|key| key.parse::<i64>().is_ok()) {
            return not_understood("paths with indexes are not implemented");
        }
        let path = literal::quoted(&serde_json::Value::from(keys).to_string())?;
        Ok(Value::new(format!("{function}({json}, {path})"), pg_type))
    }

    pub(super) fn json(&mut self, expr: &Expr) -> Result<String> {
        let value = self.expr(expr)?;
        match value.kind {
            Kind::Of(PgType::Json | PgType::Jsonb) => Ok(value.sql),
            _ => not_understood(format!("{expr} is not JSON")),
        }
    }

    fn contains(&mut self, left: &Expr, right: &Expr) -> Result<Value> {
        let sides = vec![self.expr(left)?, self.expr(right)?];
        let (sides, kind) = self.unified(sides)?;
        let function = match kind {
            Kind::Of(PgType::Jsonb) => "jsonb_contains",
            Kind::Of(PgType::Array(_)) => "array_contains",
            _ => return not_understood("containment of anything but jsonb and arrays"),
        };
        Ok(boolean(&format!("{function}({}, {})", sides[0], sides[1])))
    }

    fn overlaps(&mut self, left: &Expr, right: &Expr) -> Result<Value> {
        let sides = vec![self.expr(left)?, self.expr(right)?];
        let (sides, kind) = self.unified(sides)?;
        match kind {
            Kind::Of(PgType::Array(_)) => {
                Ok(boolean(&format!("array_overlaps({}, {})", sides[0], sides[1])))
            }
            _ => not_understood("&& of anything but arrays"),
        }
    }

    pub(super) fn like(
        &mut self,
        function: &str,
        negated: bool,
        left: &Expr,
        pattern: &Expr,
    ) -> Result<Value> {
        let (left, pattern) = (self.typed(left, PgType::Text)?, self.typed(pattern, PgType::Text)?);
        let not = if negated { "not " } else { "" };
        Ok(boolean(&format!("{not}{function}({left}, {pattern})")))
    }

    fn regex(
        &mut self,
        left: &Expr,
        pattern: &Expr,
        ignore_case: bool,
        negated: bool,
    ) -> Result<Value> {
        let left = self.typed(left, PgType::Text)?;
        let Kind::Literal(pattern) = self.expr(pattern)?.kind else {
            return not_understood("a pattern that is no constant");
        };
        if let Err(error) = Pattern::new(&pattern, ignore_case) {
            return not_understood(error.to_string());
        }
        let function = if ignore_case { "pg_imatch" } else { "pg_match" };
        let not = if negated { "not " } else { "" };
        Ok(boolean(&format!("{not}{function}({left}, {})", literal::quoted(&pattern)?)))
    }

    /// `= any (…)`
    pub(super) fn any(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Value> {
        match operator {
            BinaryOperator::Eq => self.among(left, right, ""),
            other => not_understood(format!("{other} any is not implemented")),
        }
    }

    /// `<> all (…)`
    pub(super) fn all(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Value> {
        match operator {
            BinaryOperator::NotEq => self.among(left, right, "not "),
            other => not_understood(format!("{other} all is not implemented")),
        }
    }

    fn among(&mut self, left: &Expr, right: &Expr, not: &str) -> Result<Value> {
        let left = self.expr(left)?;
        if let Some(query) = subquery(right) {
            self.has_subselect = true;
            let query = self.query(query, super::query::Projection::Value)?;
            // A sub-select of arrays is `any` over their elements only with a second pair of brackets.
            self.require_comparable(&left.kind, &query.kind)?;
            return Ok(boolean(&format!("{} {not}in ({})", left.sql, query.sql)));
        }
        let array = self.expr(right)?;
        let element = match (&array.kind, &left.kind) {
            (Kind::Of(PgType::Array(element)), _) => **element,
            (Kind::Literal(_), Kind::Of(element)) => *element,
            _ => return not_understood(format!("{right} is not an array")),
        };
        require_plain_element(element)?;
        let array = self.coerce(array, crate::migrations::types::array_of(element))?;
        let left = self.coerce(left, element)?;
        Ok(boolean(&format!("{not}array_has({array}, {left})")))
    }
}

/// SQLite orders texts by their bytes, PostgreSQL by the rules of a language.
fn require_ordered(kind: &Kind) -> Result<()> {
    match kind {
        Kind::Of(t) if t.is_number() => Ok(()),
        Kind::Of(
            PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::Timestamptz
            | PgType::Interval,
        ) => Ok(()),
        Kind::Of(t) => not_understood(format!("the order of values of type {}", t.name())),
        _ => not_understood("the order of values of no type"),
    }
}

/// Elements that JSON holds as SQLite does.
pub fn require_plain_element(element: PgType) -> Result<()> {
    let plain = element.is_text()
        || element.is_integer()
        || matches!(element, PgType::Uuid | PgType::Enum(_));
    if plain { Ok(()) } else { not_understood(format!("arrays of {}", element.name())) }
}

fn subquery(expr: &Expr) -> Option<&sqlparser::ast::Query> {
    match expr {
        Expr::Subquery(query) => Some(query),
        // `array(select …)`
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("array") => {
            match &function.args {
                sqlparser::ast::FunctionArguments::Subquery(query) => Some(query),
                _ => None,
            }
        }
        _ => None,
    }
}
