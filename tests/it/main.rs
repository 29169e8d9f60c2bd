//! The integration tests: real HTTP against the real router over the local Supabase.

#![allow(clippy::unwrap_used, reason = "a panic is a failed test, with its line")]

mod ag_ui;
mod agent;
mod analytics;
mod architecture;
mod attachments;
mod auth;
mod bodies;
mod branches;
mod chats;
mod checkpoints;
mod client_tools;
mod check;
mod commands;
mod config;
mod connections;
mod console;
mod cors;
mod cut_off;
mod daily_limit;
mod doc_examples;
mod docs;
mod errors;
mod faults;
mod files;
mod flow;
mod generate;
mod generations;
mod headers;
mod health;
mod hosts;
mod keep_alive;
mod leases;
mod local_supabase;
mod memory;
mod messages;
mod metrics;
mod models;
#[cfg(unix)]
mod postgres;
mod providers;
mod queue;
mod sandbox;
mod openai;
mod own_tables;
mod peers;
mod replaced;
mod resume;
mod scripts;
mod shutdown;
mod sign_ins;
mod supabase_errors;
mod supabase_requests;
mod support;
mod versions;
