//! Tools for the scripted model, so that a front end can show tool calls and approvals without a key.

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

    async fn run(&self, Arguments { city }: Arguments, _: &ToolContext) -> ToolResult {
        let sum: usize = city.bytes().map(usize::from).sum();
        let sky = SKIES[sum % SKIES.len()];
        Ok(json!({ "city": city, "sky": sky, "temperature_celsius": sum % 30 }))
    }
}

/// Pretends to send a postcard, after a person has agreed.
pub struct SendPostcard;

/// What the model sends.
#[derive(Deserialize, JsonSchema)]
pub struct Postcard {
    /// Who gets it
    to: String,
    /// What it says
    text: String,
}

impl Tool for SendPostcard {
    type Arguments = Postcard;
    const NAME: &'static str = "send_postcard";
    const DESCRIPTION: &'static str =
        "Pretends to send a postcard, for demonstrations of approvals.";
    const ASKS: Option<&'static str> = Some("It would send something in your name.");

    async fn run(&self, Postcard { to, text }: Postcard, _: &ToolContext) -> ToolResult {
        Ok(json!({ "sent_to": to, "characters": text.chars().count() }))
    }
}
