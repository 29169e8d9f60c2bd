//! The routes, a module for each part of the API. In each, `routes` answers requests, `model` has what
//! clients send and get, and `store` asks Supabase.

pub mod account;
pub mod admin;
pub mod ai;
pub mod analytics;
pub mod chats;
pub mod files;
pub mod messages;
pub mod openai;
pub mod scripts;
pub mod tools;
