//! Calls of functions: those of PostgreSQL and Supabase that are known, and those of the migrations.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TrimWhereField,
};

use super::translator::Translator;
use super::value::{Kind, Value, integer, text};
use crate::migrations::not_understood::{Result, not_understood};
use crate::migrations::types::object_name;
use crate::schema::PgType;

impl Translator<'_> {
    pub(super) fn call(&mut self, function: &Function) -> Result<Value> {
        let is_plain = function.filter.is_none()
            && function.over.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, FunctionArguments::None);
        if !is_plain {
            return not_understood(format!("{function} is not known"));
        }
        if self.takes_aggregates && super::query::aggregate(function).is_some() {
            return self.aggregate(function);
        }
        let arguments = arguments(function)?;
        let name = object_name(&function.name)?;
        if self.catalogue.functions(&name).next().is_some() {
            return self.inline(&name, &arguments);
        }
        let known = match name.schema.as_str() {
            "auth" => self.auth(&name.name, &arguments)?,
            "public" | "pg_catalog" | "extensions" => self.builtin(&name.name, &arguments)?,
            _ => None,
        };
        match known {
            Some(value) => Ok(value),
            None => not_understood(format!("the function {}() is not known here", function.name)),
        }
    }

    /// The arguments of a call, if they are plain expressions.
    pub(super) fn arguments_of(function: &Function) -> Result<Vec<Expr>> {
        arguments(function)
    }

    fn auth(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Value>> {
        let value = match name {
            "uid" => Value::new("auth_uid()", PgType::Uuid),
            "role" => text("auth_role()".to_owned()),
            "email" => text("auth_email()".to_owned()),
            "jwt" => Value::new("auth_jwt()", PgType::Jsonb),
            _ => return Ok(None),
        };
        Ok(arguments.is_empty().then_some(value))
    }

    fn builtin(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Value>> {
        let value = match (name, arguments) {
            ("now" | "transaction_timestamp" | "statement_timestamp", []) => {
                Value::new("now()", PgType::Timestamptz)
            }
            ("current_timestamp", []) => Value::new("now()", PgType::Timestamptz),
            ("clock_timestamp", []) => Value::new("clock_timestamp()", PgType::Timestamptz),
            ("current_date", []) => Value::new("day_of(now())", PgType::Date),
            ("timezone", [zone, time]) => self.at_time_zone(time, zone)?,
            ("gen_random_uuid" | "uuid_generate_v4", []) => {
                Value::new("gen_random_uuid()", PgType::Uuid)
            }
            ("current_user" | "current_role", []) if !self.as_owner => {
                text("auth_role()".to_owned())
            }
            ("encode", [Expr::Function(bytes), format]) => self.random_text(bytes, format)?,
            ("coalesce", [_, ..]) => self.variadic("coalesce", arguments)?,
            ("least" | "greatest", [_, ..]) => self.variadic(name, arguments)?,
            ("nullif", [a, b]) => {
                let (sides, kind) = {
                    let sides = vec![self.expr(a)?, self.expr(b)?];
                    self.unified(sides)?
                };
                Value { sql: format!("nullif({}, {})", sides[0], sides[1]), kind }
            }
            ("num_nonnulls" | "num_nulls", [_, ..]) => self.count_nulls(name, arguments)?,
            ("current_setting", [setting, ..]) => self.setting(setting)?,
            ("row_security_active", _) => return Ok(None),
            _ => return self.scalar(name, arguments),
        };
        Ok(Some(value))
    }

    /// `encode(gen_random_bytes(16), 'hex')`
    fn random_text(&mut self, bytes: &Function, format: &Expr) -> Result<Value> {
        let name = object_name(&bytes.name)?;
        let count = match &arguments(bytes)?[..] {
            [Expr::Value(count)] => count.to_string().parse::<u16>().ok(),
            _ => None,
        };
        let is_hex = self.expr(format)?.kind == Kind::Literal("hex".to_owned());
        match count.filter(|count| (1..=1024).contains(count)) {
            Some(count) if is_hex && name.name == "gen_random_bytes" => {
                Ok(text(format!("lower(hex(randomblob({count})))")))
            }
            _ => not_understood("only encode(gen_random_bytes(…), 'hex') is implemented"),
        }
    }

    /// Functions of arguments of fixed types.
    fn scalar(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Value>> {
        use PgType::{Integer, Jsonb, Text};
        let (parameters, sql, result): (&[PgType], &str, PgType) = match (name, arguments.len()) {
            ("char_length" | "character_length" | "length", 1) => (&[Text], "length", Integer),
            ("octet_length", 1) => (&[Text], "octet_length", Integer),
            ("lower", 1) => (&[Text], "lower", Text),
            ("upper", 1) => (&[Text], "pg_upper", Text),
            ("btrim" | "trim", 1 | 2) => (&[Text, Text], "trim", Text),
            ("ltrim", 1 | 2) => (&[Text, Text], "ltrim", Text),
            ("rtrim", 1 | 2) => (&[Text, Text], "rtrim", Text),
            ("replace", 3) => (&[Text, Text, Text], "replace", Text),
            ("split_part", 3) => (&[Text, Text, Integer], "split_part", Text),
            ("strpos", 2) => (&[Text, Text], "instr", Integer),
            ("substring" | "substr", 2 | 3) => (&[Text, Integer, Integer], "pg_substring", Text),
            ("starts_with", 2) => (&[Text, Text], "starts_with", PgType::Boolean),
            ("jsonb_typeof" | "json_typeof", 1) => (&[Jsonb], "jsonb_typeof", Text),
            ("jsonb_array_length" | "json_array_length", 1) => {
                (&[Jsonb], "jsonb_array_length", Integer)
            }
            ("cardinality", 1) => return self.array_length(&arguments[0], false).map(Some),
            ("array_length", 2) => return self.array_length(&arguments[0], true).map(Some),
            ("abs" | "round" | "floor" | "ceil" | "ceiling", 1) => {
                return self.rounded(name, &arguments[0]).map(Some);
            }
            ("concat", _) => return self.concat(arguments).map(Some),
            _ => return Ok(None),
        };
        let typed: Vec<_> = arguments
            .iter()
            .zip(parameters)
            .map(|(argument, parameter)| match parameter {
                Jsonb => self.json(argument),
                parameter => self.typed(argument, *parameter),
            })
            .collect::<Result<_>>()?;
        Ok(Some(Value::new(format!("{sql}({})", typed.join(", ")), result)))
    }

    fn variadic(&mut self, function: &str, arguments: &[Expr]) -> Result<Value> {
        let values: Vec<_> = arguments.iter().map(|a| self.expr(a)).collect::<Result<_>>()?;
        let (values, kind) = self.unified(values)?;
        if let [only] = &values[..] {
            return Ok(Value { sql: only.clone(), kind });
        }
        let is_text = matches!(&kind, Kind::Of(t) if t.storage() == crate::schema::Storage::Text);
        if function != "coalesce" && is_text {
            return not_understood("the order of texts");
        }
        Ok(Value { sql: format!("{function}({})", values.join(", ")), kind })
    }

    fn count_nulls(&mut self, name: &str, arguments: &[Expr]) -> Result<Value> {
        let words = if name == "num_nulls" { "is null" } else { "is not null" };
        let counted: Vec<_> = arguments
            .iter()
            .map(|argument| Ok(format!("({} {words})", self.expr(argument)?.sql)))
            .collect::<Result<_>>()?;
        Ok(integer(format!("({})", counted.join(" + "))))
    }

    /// `current_setting('request.jwt.claims', true)`
    fn setting(&mut self, setting: &Expr) -> Result<Value> {
        let Kind::Literal(name) = self.expr(setting)?.kind else {
            return not_understood(format!("the setting {setting}"));
        };
        let function = match name.as_str() {
            "request.jwt.claims" => "auth_jwt()",
            "request.jwt.claim.sub" => "auth_uid()",
            "request.jwt.claim.role" => "auth_role()",
            "request.jwt.claim.email" => "auth_email()",
            _ => return not_understood(format!("the setting {name}")),
        };
        Ok(text(function.to_owned()))
    }

    /// Between times with and without a zone, of which only UTC is known.
    pub(super) fn at_time_zone(&mut self, time: &Expr, zone: &Expr) -> Result<Value> {
        let value = self.expr(time)?;
        let zone_value = self.expr(zone)?;
        // A cast of a constant, as in 'utc'::text, is a text.
        let name = zone_value.sql.trim_matches('\'').to_ascii_lowercase();
        if !["utc", "gmt", "z", "etc/utc"].contains(&name.as_str()) {
            return not_understood(format!("the time zone {zone} is not implemented"));
        }
        match value.kind {
            Kind::Of(PgType::Timestamptz) => Ok(Value::new(value.sql, PgType::Timestamp)),
            Kind::Of(PgType::Timestamp) => Ok(Value::new(value.sql, PgType::Timestamptz)),
            _ => not_understood(format!("{time} is not a time")),
        }
    }

    pub(super) fn trim(
        &mut self,
        side: Option<TrimWhereField>,
        what: Option<&Expr>,
        expr: &Expr,
        characters: Option<&[Expr]>,
    ) -> Result<Value> {
        let function = match side {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            Some(TrimWhereField::Both) | None => "trim",
        };
        let mut values = vec![self.typed(expr, PgType::Text)?];
        for argument in what.into_iter().chain(characters.unwrap_or_default()) {
            values.push(self.typed(argument, PgType::Text)?);
        }
        Ok(text(format!("{function}({})", values.join(", "))))
    }

    fn array_length(&mut self, array: &Expr, null_if_empty: bool) -> Result<Value> {
        let value = self.expr(array)?;
        if !matches!(value.kind, Kind::Of(PgType::Array(_))) {
            return not_understood(format!("{array} is not an array"));
        }
        let length = format!("json_array_length({})", value.sql);
        Ok(integer(if null_if_empty { format!("nullif({length}, 0)") } else { length }))
    }

    pub(super) fn rounded(&mut self, function: &str, expr: &Expr) -> Result<Value> {
        let value = self.expr(expr)?;
        let Kind::Of(pg_type) = value.kind else { return not_understood("a number of no type") };
        if !pg_type.is_number() {
            return not_understood(format!("{function} of {}", pg_type.name()));
        }
        let sql = match function {
            _ if pg_type.is_integer() && function != "abs" => value.sql,
            "ceiling" => format!("ceil({})", value.sql),
            _ => format!("{function}({})", value.sql),
        };
        Ok(Value { sql, kind: value.kind })
    }

    /// Nulls are left out.
    fn concat(&mut self, arguments: &[Expr]) -> Result<Value> {
        let texts: Vec<_> = arguments
            .iter()
            .map(|argument| {
                let value = self.expr(argument)?;
                Ok(format!("coalesce({}, '')", self.printed(value)?))
            })
            .collect::<Result<_>>()?;
        Ok(text(format!("({})", texts.join(" || "))))
    }
}

pub(super) fn arguments(function: &Function) -> Result<Vec<Expr>> {
    let list = match &function.args {
        FunctionArguments::None => return Ok(Vec::new()),
        FunctionArguments::List(list)
            if list.clauses.is_empty() && list.duplicate_treatment.is_none() =>
        {
            list
        }
        _ => return not_understood(format!("{function} is not known")),
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr.clone()),
        other => not_understood(format!("the argument {other}")),
    };
    list.args.iter().map(argument).collect()
}
