//! The client without a Supabase.

use super::*;

fn supabase(url: &str) -> Supabase {
    let project = Project {
        url: url.to_owned(),
        public_url: url.to_owned(),
        anon_key: "sb_publishable_test".into(),
        service_role_key: None,
        jwt_secret: None,
    };
    Supabase::new(&project, Duration::from_secs(30), Clock::System).unwrap()
}

#[tokio::test]
async fn without_a_service_key_nothing_is_asked_in_its_name() {
    let refused = supabase("http://127.0.0.1:9")
        .rest(Caller::Service)
        .from("chats")
        .rows()
        .await
        .unwrap_err();
    assert_eq!(refused.kind, SupabaseErrorKind::Refused);
}

#[tokio::test]
async fn a_project_may_lie_below_a_path() {
    let address = supabase("https://example.com/supabase").address("/rest/v1/chats");
    assert_eq!(address.as_str(), "https://example.com/supabase/rest/v1/chats");
}

#[test]
fn this_machine_is_known_by_its_names() {
    for (url, expected) in [
        ("http://127.0.0.1:54321", true),
        ("http://localhost:54321", true),
        ("http://[::1]:54321", true),
        ("http://0.0.0.0:54321", true),
        ("https://example.supabase.co", false),
        ("http://10.0.0.1", false),
        ("http://localhost.example.com", false),
    ] {
        assert_eq!(is_this_machine(&Url::parse(url).unwrap()), expected, "{url}");
    }
}
