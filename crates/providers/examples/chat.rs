//! Asks one question: `chat <question> [base URL of an OpenAI-compatible server] [model]`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Write;

use futures_util::StreamExt;
use providers::{
    CompatibleSettings, Content, Event, Message, ProviderName, Providers, Request, Role, Settings,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let question = arguments.next().unwrap_or_else(|| "Hello".to_owned());
    let server = arguments.next().map(|base_url| CompatibleSettings {
        name: ProviderName::from_static("server"),
        api_key: None,
        base_url,
        models: Vec::new(),
    });
    let model = arguments.next().map(|model| format!("server/{model}"));
    let settings = Settings { compatible: server.into_iter().collect(), ..Settings::default() };
    let providers = Providers::new(&settings, clock::Clock::System)?;
    let messages = vec![Message { role: Role::User, content: vec![Content::text(question)] }];
    let request = Request { messages, ..Request::default() };
    let mut events = providers.choose(model.as_deref())?.stream(request).await?;
    while let Some(event) = events.next().await {
        match event? {
            Event::Text(text) => {
                print!("{text}");
                std::io::stdout().flush()?;
            }
            Event::Usage(usage) => {
                println!("\n\n{} tokens in, {} out", usage.input_tokens, usage.output_tokens);
            }
            _ => {}
        }
    }
    Ok(())
}
