//! Checks that the project's keys match their variables. Pure.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Report;
use crate::config::Project;

#[derive(Deserialize)]
struct Claims {
    role: Option<String>,
    /// The hosted project that a legacy key is for.
    #[serde(rename = "ref")]
    project: Option<String>,
}

/// Returns whether `SUPABASE_JWT_SECRET` may be that of the project.
pub(super) fn check(project: &Project, report: &mut Report) -> bool {
    let mut secret_may_fit = true;
    let anon_key = project.anon_key.expose_secret();
    let service_key = project.service_role_key.as_ref().map(ExposeSecret::expose_secret);
    for (variable, key) in
        [("SUPABASE_ANON_KEY", Some(anon_key)), ("SUPABASE_SERVICE_ROLE_KEY", service_key)]
    {
        if let Some(other) = key.and_then(|key| other_project(key, &project.url)) {
            report.problem(
                format!("{variable} is a key of another project, {other}"),
                "copy it from the project that SUPABASE_URL names",
            );
        }
    }
    if let (Some(secret), Some(_)) = (&project.jwt_secret, role(anon_key)) {
        if is_signed_with(anon_key, secret.expose_secret()) {
            report.pass("SUPABASE_JWT_SECRET fits the anon key");
        } else {
            secret_may_fit = false;
            report.problem(
                "SUPABASE_JWT_SECRET is not the secret that signed the anon key: every token would \
                 be refused",
                "copy it from the project's settings, or leave it empty",
            );
        }
    }
    secret_may_fit
}

/// The role of a legacy key, which is a token.
fn role(key: &str) -> Option<String> {
    claims(key)?.role
}

fn claims(key: &str) -> Option<Claims> {
    Some(jsonwebtoken::dangerous::insecure_decode::<Claims>(key).ok()?.claims)
}

/// The project of a legacy key, if it is not the one at `https://<project>.supabase.co`.
fn other_project(key: &str, url: &str) -> Option<String> {
    let of_url = url.strip_prefix("https://")?.strip_suffix(".supabase.co")?;
    claims(key)?.project.filter(|of_key| of_key != of_url)
}

fn is_signed_with(key: &str, secret: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims::<&str>(&[]);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let secret = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<Claims>(key, &secret, &validation).is_ok()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use secrecy::SecretString;
    use serde_json::json;

    use super::super::Report;
    use super::{Project, check};

    fn key(role: &str, project: &str) -> SecretString {
        let claims = json!({ "role": role, "ref": project });
        let key = EncodingKey::from_secret(b"x");
        jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap().into()
    }

    #[test]
    fn keys_of_another_project_are_noticed() {
        let mut project = Project {
            url: "https://ours.supabase.co".into(),
            public_url: "https://ours.supabase.co".into(),
            anon_key: key("anon", "theirs"),
            service_role_key: Some(key("service_role", "theirs")),
            jwt_secret: None,
        };
        for (url, problems) in [
            ("https://ours.supabase.co", 2),
            ("https://theirs.supabase.co", 0),
            // A custom domain does not name the project.
            ("https://chat.example.com", 0),
        ] {
            url.clone_into(&mut project.url);
            let mut report = Report::default();
            check(&project, &mut report);
            assert_eq!(report.problems(), problems, "{url}: {report}");
        }
    }
}
