//! Whether the project's keys are what their variables say. Pure.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::Report;
use crate::config::Project;

#[derive(Deserialize)]
struct Claims {
    role: Option<String>,
}

pub(super) fn check(project: &Project, report: &mut Report) {
    let anon_key = project.anon_key.expose();
    if anon_key.starts_with("sb_secret_") || role(anon_key).as_deref() == Some("service_role") {
        report.problem(
            "SUPABASE_ANON_KEY is the service key, which row-level security does not bind",
            "put the publishable (or anon) key there",
        );
    }
    if let Some(key) = &project.service_role_key {
        let role = role(key.expose());
        if key.expose().starts_with("sb_publishable_") || role.as_deref() == Some("anon") {
            report.problem(
                "SUPABASE_SERVICE_ROLE_KEY is the publishable key",
                "put the secret (or service_role) key there, or leave it empty",
            );
        }
    }
    if let (Some(secret), Some(_)) = (&project.jwt_secret, role(anon_key)) {
        if is_signed_with(anon_key, secret.expose()) {
            report.good("SUPABASE_JWT_SECRET fits the anon key");
        } else {
            report.problem(
                "SUPABASE_JWT_SECRET is not the secret that signed the anon key: every token would \
                 be refused",
                "copy it from the project's settings, or leave it empty",
            );
        }
    }
}

/// The role of a legacy key, which is a token.
fn role(key: &str) -> Option<String> {
    jsonwebtoken::dangerous::insecure_decode::<Claims>(key).ok()?.claims.role
}

fn is_signed_with(key: &str, secret: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims::<&str>(&[]);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let secret = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<Claims>(key, &secret, &validation).is_ok()
}
