//! A tool for the scripted model, so that a front end can show tool calls without a key.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::agent::{Credentials, Tool};
use crate::providers::ToolDefinition;

/// Makes up the weather of a city: the same city, the same weather.
pub struct Weather;

const SKIES: [&str; 4] = ["sunny", "cloudy", "rainy", "windy"];

impl Tool for Weather {
    fn definition(&self) -> ToolDefinition {
        ToolDefinition {
            name: "get_weather".into(),
            description: "Makes up the weather of a city, for demonstrations.".into(),
            parameters: json!({
                "type": "object",
                "properties": { "city": { "type": "string", "description": "A city's name" } },
                "required": ["city"],
            }),
        }
    }

    fn run<'a>(
        &'a self,
        arguments: &'a Value,
        _: &'a Credentials,
    ) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            let city = arguments["city"].as_str().ok_or("city must be a string")?;
            let sum: usize = city.bytes().map(usize::from).sum();
            let sky = SKIES[sum % SKIES.len()];
            Ok(json!({ "city": city, "sky": sky, "temperature_celsius": sum % 30 }))
        }
        .boxed()
    }
}
