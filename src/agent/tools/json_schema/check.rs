//! Whether a value fits a plain schema. For arguments that is a courtesy to the model, which gets a sentence
//! that helps it: who runs the tool checks again. There is no recursion, and no check takes more than its
//! budget of steps.

use serde_json::{Map, Value};

use super::format::is_of_format;
use super::keywords::{is_equal, is_of, length, list, members, named, range};

/// What one check may look at.
const MAX_STEPS: usize = 200_000;

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// What does not fit first.
    At {
        /// Where it is, as a JSON Pointer.
        pointer: String,
        /// What is wrong there, after its name.
        detail: String,
    },
    /// The schema asks for more than a check may cost.
    TooCostly,
}

/// Whether arguments fit: `Err` is a sentence. What is too costly to find out fits.
pub fn fits(schema: &Value, arguments: &Value) -> Result<(), String> {
    match check(schema, arguments) {
        Err(Misfit::At { pointer, detail }) => {
            let at = if pointer.is_empty() { "the whole" } else { &pointer };
            Err(format!("The arguments do not fit: {at} {detail}."))
        }
        Err(Misfit::TooCostly) | Ok(()) => Ok(()),
    }
}

/// Whether a value fits a schema.
pub fn check(schema: &Value, value: &Value) -> Result<(), Misfit> {
    let mut checker = Checker::default();
    checker.tasks.push(Task::Fits { schema, value, place: None });
    checker.run()
}

/// Everything that has to fit yet, and the alternatives that are open: what follows an alternative is
/// looked at when it is known to fit.
#[derive(Default)]
struct Checker<'a> {
    steps: usize,
    places: Vec<Place<'a>>,
    tasks: Vec<Task<'a>>,
    choices: Vec<Choice<'a>>,
}

/// A member or item, and the place that it is in.
struct Place<'a> {
    outer: Option<usize>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

#[derive(Clone, Copy)]
enum Task<'a> {
    Fits {
        schema: &'a Value,
        value: &'a Value,
        place: Option<usize>,
    },
    /// The value fits one of these schemas.
    AnyOf {
        schemas: &'a [Value],
        value: &'a Value,
        place: Option<usize>,
    },
    /// The value does not fit the schema.
    Not {
        schema: &'a Value,
        value: &'a Value,
        place: Option<usize>,
    },
    /// The alternative that was tried fits.
    Decided,
}

/// Alternatives of which one must fit, or a schema that must not.
struct Choice<'a> {
    value: &'a Value,
    place: Option<usize>,
    left: &'a [Value],
    /// How many tasks there are beside those of the alternative.
    tasks: usize,
    is_negated: bool,
}

impl<'a> Checker<'a> {
    fn run(&mut self) -> Result<(), Misfit> {
        while let Some(task) = self.tasks.pop() {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Misfit::TooCostly);
            }
            let outcome = match task {
                Task::Fits { schema, value, place } => self.one(schema, value, place),
                Task::AnyOf { schemas, value, place } => {
                    let tasks = self.tasks.len();
                    let choice = Choice { value, place, left: schemas, tasks, is_negated: false };
                    self.choices.push(choice);
                    Err((place, String::new()))
                }
                Task::Not { schema, value, place } => {
                    let tasks = self.tasks.len();
                    self.choices.push(Choice { value, place, left: &[], tasks, is_negated: true });
                    self.tasks.push(Task::Decided);
                    self.tasks.push(Task::Fits { schema, value, place });
                    Ok(())
                }
                Task::Decided => self.decided(),
            };
            if let Err((place, detail)) = outcome {
                self.try_next(place, detail)?;
            }
        }
        Ok(())
    }

    /// The alternative fits: the others need not be tried.
    fn decided(&mut self) -> Result<(), (Option<usize>, String)> {
        match self.choices.pop() {
            Some(choice) if choice.is_negated => {
                Err((choice.place, "fits what it must not".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Something does not fit: the next alternative is tried, or that of the choice around.
    fn try_next(&mut self, mut place: Option<usize>, mut detail: String) -> Result<(), Misfit> {
        while let Some(choice) = self.choices.last_mut() {
            self.tasks.truncate(choice.tasks);
            if choice.is_negated {
                self.choices.pop();
                return Ok(());
            }
            if let Some((schema, left)) = choice.left.split_first() {
                choice.left = left;
                let (value, place) = (choice.value, choice.place);
                self.tasks.push(Task::Decided);
                self.tasks.push(Task::Fits { schema, value, place });
                return Ok(());
            }
            place = choice.place;
            detail = "fits none of the alternatives".to_owned();
            self.choices.pop();
        }
        Err(Misfit::At { pointer: self.pointer(place), detail })
    }

    fn pointer(&self, place: Option<usize>) -> String {
        let mut steps = Vec::new();
        let mut next = place;
        while let Some(place) = next.and_then(|index| self.places.get(index)) {
            steps.push(place.step);
            next = place.outer;
        }
        let steps = steps.into_iter().rev().map(|step| match step {
            Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => format!("/{index}"),
        });
        steps.collect()
    }

    fn inside(&mut self, outer: Option<usize>, step: Step<'a>) -> Option<usize> {
        self.places.push(Place { outer, step });
        Some(self.places.len() - 1)
    }

    /// Looks at a value itself; what is in it is looked at later.
    fn one(
        &mut self,
        schema: &'a Value,
        value: &'a Value,
        place: Option<usize>,
    ) -> Result<(), (Option<usize>, String)> {
        let misfit = |detail: String| Err((place, detail));
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(false) => return misfit("must not be there".to_owned()),
            _ => return Ok(()),
        };
        self.steps +=
            weight(value) + members(schema, "enum").len() + members(schema, "required").len();
        if let Some(kinds) = schema.get("type")
            && !is_of(kinds, value)
        {
            return misfit(format!("must be of type {}", named(kinds)));
        }
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !choices.iter().any(|choice| is_equal(choice, value))
        {
            return misfit(format!("must be one of {}", list(choices)));
        }
        if let Some(only) = schema.get("const").filter(|only| !is_equal(only, value)) {
            return misfit(format!("must be {only}"));
        }
        let beyond = match value {
            Value::Object(object) => length(schema, object.len(), "Properties", "members"),
            Value::Array(items) => length(schema, items.len(), "Items", "items"),
            Value::String(text) => length(schema, text.chars().count(), "Length", "characters")
                .or_else(|| is_of_format(schema, text).err()),
            Value::Number(number) => range(schema, number),
            Value::Bool(_) | Value::Null => None,
        };
        if let Some(detail) = beyond {
            return misfit(detail);
        }
        // The last one is looked at first: what is in the value comes before the alternatives.
        self.alternatives(schema, value, place);
        match value {
            Value::Object(object) => self.object(schema, object, place),
            Value::Array(items) => {
                self.items(schema, items, place);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn alternatives(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &'a Value,
        place: Option<usize>,
    ) {
        if let Some(schema) = schema.get("not") {
            self.tasks.push(Task::Not { schema, value, place });
        }
        for name in ["anyOf", "oneOf"] {
            let schemas = members(schema, name);
            if !schemas.is_empty() {
                self.tasks.push(Task::AnyOf { schemas, value, place });
            }
        }
        for schema in members(schema, "allOf").iter().rev() {
            self.tasks.push(Task::Fits { schema, value, place });
        }
    }

    fn object(
        &mut self,
        schema: &'a Map<String, Value>,
        object: &'a Map<String, Value>,
        place: Option<usize>,
    ) -> Result<(), (Option<usize>, String)> {
        let required = members(schema, "required").iter().filter_map(Value::as_str);
        if let Some(name) = required.into_iter().find(|name| !object.contains_key(*name)) {
            return Err((self.inside(place, Step::Member(name)), "is missing".to_owned()));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in object.iter().rev() {
            let schema = properties.and_then(|properties| properties.get(name));
            let Some(schema) = schema.or(others) else { continue };
            let place = self.inside(place, Step::Member(name));
            if schema == &Value::Bool(false) {
                return Err((place, "is not a known argument".to_owned()));
            }
            self.tasks.push(Task::Fits { schema, value, place });
        }
        Ok(())
    }

    fn items(&mut self, schema: &'a Map<String, Value>, items: &'a [Value], place: Option<usize>) {
        let first = members(schema, "prefixItems");
        for (index, value) in items.iter().enumerate().rev() {
            if let Some(schema) = first.get(index).or_else(|| schema.get("items")) {
                let place = self.inside(place, Step::Item(index));
                self.tasks.push(Task::Fits { schema, value, place });
            }
        }
    }
}

/// What it costs to look at a value itself.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 16,
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "place": { "type": "string", "enum": ["here", "there"] },
                "n": { "type": "integer", "minimum": 1, "maximum": 3, "not": { "enum": [2] } },
                "even": { "type": "number", "multipleOf": 0.5, "exclusiveMaximum": 4 },
                "either": { "anyOf": [{ "type": "string", "maxLength": 2 }, { "type": "null" },
                    { "anyOf": [{ "type": "array", "items": { "type": "integer" } }, { "const": 7 }] }] },
                "list": { "type": "array", "items": { "type": "number" }, "maxItems": 2 },
                "when": { "type": "string", "format": "date-time" },
                "id": { "type": "string", "format": "uuid" },
                "mail": { "type": "string", "format": "email" },
                "at": { "type": "object", "minProperties": 1, "additionalProperties": { "type": "string" } },
            },
            "required": ["place"],
            "additionalProperties": false,
        })
    }

    #[test]
    fn the_first_misfit_is_named() {
        let schema = schema();
        for arguments in [
            json!({ "place": "here" }),
            json!({ "place": "here", "n": 1.0, "either": null, "even": 3.5 }),
            json!({ "place": "there", "n": 3, "either": "ab", "list": [1, 2.5] }),
            json!({ "place": "there", "either": [1, 2], "at": { "x": "y" } }),
            json!({ "place": "there", "either": 7, "when": "2026-01-01T10:00:00+02:00" }),
            json!({ "place": "there", "id": "018f3c1e-7b1a-7000-8000-000000000000", "mail": "a@b.example" }),
        ] {
            assert_eq!(fits(&schema, &arguments), Ok(()), "{arguments}");
        }
        for (arguments, misfit) in [
            (json!({}), "/place is missing"),
            (json!([]), "the whole must be of type object"),
            (json!({ "place": null }), "/place must be of type string"),
            (json!({ "place": "x" }), "/place must be one of \"here\", \"there\""),
            (json!({ "place": "here", "n": 1.5 }), "/n must be of type integer"),
            (json!({ "place": "here", "n": 4 }), "/n must be at most 3"),
            (json!({ "place": "here", "n": 2 }), "/n fits what it must not"),
            (json!({ "place": "here", "even": 4 }), "/even must be less than 4"),
            (json!({ "place": "here", "even": 0.3 }), "/even must be a multiple of 0.5"),
            (json!({ "place": "here", "either": "abc" }), "/either fits none of the alternatives"),
            (
                json!({ "place": "here", "either": [1, "2"] }),
                "/either fits none of the alternatives",
            ),
            (json!({ "place": "here", "list": [1, "2"] }), "/list/1 must be of type number"),
            (json!({ "place": "here", "list": [1, 2, 3] }), "/list must have at most 2 items"),
            (json!({ "place": "here", "more/~x": 1 }), "/more~1~0x is not a known argument"),
            (
                json!({ "place": "here", "when": "today" }),
                "/when must be a date-time, such as 2026-01-31T08:30:00Z",
            ),
            (json!({ "place": "here", "id": "1" }), "/id must be a uuid"),
            (json!({ "place": "here", "mail": "a@" }), "/mail must be an email address"),
            (json!({ "place": "here", "at": {} }), "/at must have at least 1 members"),
            (json!({ "place": "here", "at": { "x": 1 } }), "/at/x must be of type string"),
        ] {
            let expected = Err(format!("The arguments do not fit: {misfit}."));
            assert_eq!(fits(&schema, &arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn a_check_ends() {
        // A thousand alternatives of a thousand, each of which fails at its end.
        let deep = (0..3).fold(
            json!({ "type": "number" }),
            |inner, _| json!({ "anyOf": vec![json!({ "allOf": [{}, inner] }); 100] }),
        );
        assert_eq!(check(&deep, &json!("x")), Err(Misfit::TooCostly));
        assert_eq!(fits(&deep, &json!("x")), Ok(()));
    }
}
