//! A tool for the scripted model, so that a front end can show tool calls without a key.

use crate::agent::tools::prelude::*;

/// Makes up the weather of a city: the same city, the same weather.
pub struct Weather;

/// What the model sends.
#[derive(Deserialize, JsonSchema)]
pub struct Arguments {
    /// A city's name
    city: String,
}

const SKIES: [&str; 4] = ["sunny", "cloudy", "rainy", "windy"];

impl Tool for Weather {
    type Arguments = Arguments;
    const NAME: &'static str = "get_weather";
    const DESCRIPTION: &'static str = "Makes up the weather of a city, for demonstrations.";

    async fn run(&self, Arguments { city }: Arguments, _: &Credentials) -> ToolResult {
        let sum: usize = city.bytes().map(usize::from).sum();
        let sky = SKIES[sum % SKIES.len()];
        Ok(json!({ "city": city, "sky": sky, "temperature_celsius": sum % 30 }))
    }
}
