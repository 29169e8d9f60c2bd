use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn egress(hosts: &[&str], lookup: &Lookup) -> Egress {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let hosts = PrivateHosts::parse(&hosts).unwrap();
    let settings = EgressSettings { hosts, ..EgressSettings::default() };
    Egress::with_lookup(settings, Memory::new(64 << 20), Metrics::on(), lookup).unwrap()
}

/// A name server whose first answer is `first` and every later one `then`.
fn lookup(first: &'static str, then: &'static str) -> Lookup {
    let asked = AtomicUsize::new(0);
    Arc::new(move |_| {
        let answer = if asked.fetch_add(1, Ordering::Relaxed) == 0 { first } else { then };
        let addresses = answer.split_whitespace().map(|address| address.parse().unwrap());
        std::future::ready(Ok(addresses.collect())).boxed()
    })
}

fn local() -> Lookup {
    lookup("127.0.0.1", "127.0.0.1")
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[tokio::test]
async fn what_must_not_be_reached_is_refused_before_a_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let metrics = Metrics::on();
    let (settings, memory) = (EgressSettings::default(), Memory::new(1 << 20));
    let here = Egress::with_lookup(settings, memory, metrics.clone(), &local()).unwrap();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "rebind.example",
        "%6cocalhost",
        "①②⑦.0.0.1",
    ] {
        let request = Request::new(Method::GET, url(&format!("https://{host}:{port}/")));
        let sent = here.send(Holder::Server, request).await.err().unwrap();
        assert!(
            matches!(sent, EgressError::Refused(_)) && !sent.may_have_happened(),
            "{host}: {sent}"
        );
    }
    let for_certain = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (_, first) = listener.accept().await.unwrap();
    assert_eq!(first, for_certain.local_addr().unwrap(), "there was no connection before");
    let text = metrics.text();
    assert!(text.contains("chat_backend_tool_refused_addresses_total 21"), "{text}");
}

#[test]
fn an_address_is_judged_by_scheme_host_and_port() {
    let listed = ["localhost:3000", "crm.example.com", "10.0.0.1:80", "1.1.1.1", "169.254.169.254"];
    let settings = |supabase| EgressSettings {
        hosts: PrivateHosts::parse(&listed.map(str::to_owned)).unwrap(),
        supabase: Some(url(supabase)),
        proxy: None,
    };
    let egress =
        Egress::new(settings("http://kong:8000"), Memory::new(1 << 20), Metrics::default());
    let egress = egress.unwrap();
    for (address, is_fine) in [
        ("https://api.example.com/x", true),
        ("http://api.example.com/x", false),
        ("http://localhost:3000/x", true),
        ("http://localhost:3001/x", false),
        ("http://10.0.0.1/x", true),
        ("https://10.0.0.1/x", false),
        ("https://1.1.1.1/", true),
        ("http://1.1.1.1/", false),
        ("https://169.254.169.254/", false),
        ("http://169.254.169.254/", false),
        ("http://kong:8000/functions/v1/x", true),
        ("http://kong:8001/", false),
        ("https://user@crm.example.com/", false),
        ("https://:key@crm.example.com/", false),
        ("ftp://crm.example.com/", false),
        ("file:///etc/passwd", false),
        ("data:text/plain,x", false),
    ] {
        assert_eq!(egress.check(&url(address)).is_ok(), is_fine, "{address}");
    }
}

#[tokio::test]
async fn a_name_that_is_private_the_second_time_is_refused_then() {
    let rebinding = egress(&[], &lookup("1.1.1.1 10.0.0.1", "10.0.0.1"));
    let address = url("https://rebind.example/");
    let first = rebinding.resolve(&address).await.unwrap();
    assert_eq!(first, ["1.1.1.1".parse::<IpAddr>().unwrap()], "and only the public one of the two");
    let request = Request::new(Method::GET, address);
    let sent = rebinding.send(Holder::Server, request).await.err().unwrap();
    assert_eq!(sent, Refused::Private("rebind.example".into()).into());
}

#[tokio::test]
async fn a_listed_name_is_not_reached_unencrypted_on_the_internet_nor_at_a_metadata_service() {
    let address = url("http://crm.example:80/");
    for (found, refused) in [
        ("1.1.1.1", Some(Refused::Unencrypted("crm.example".into()))),
        ("169.254.169.254", Some(Refused::Forbidden("crm.example".into()))),
        ("10.0.0.1", None),
    ] {
        let found = egress(&["crm.example"], &lookup(found, found)).resolve(&address).await;
        assert_eq!(found.err(), refused.map(EgressError::Refused));
    }
    let unknown = egress(&[], &lookup("", "")).resolve(&url("https://unknown.example/")).await;
    assert_eq!(unknown, Err(EgressError::Unreachable("unknown.example".into())));
}

/// A server that sends this to each connection, and the address of it.
async fn server(reply: Vec<u8>) -> (Egress, Url) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4_096]).await;
            let _ = connection.write_all(&reply).await;
        }
    });
    let egress = egress(&[&format!("tool.example:{port}")], &local());
    (egress, url(&format!("http://tool.example:{port}/")))
}

#[tokio::test]
async fn a_body_is_read_no_further_than_asked_and_charged() {
    let head = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-type: Text/Plain; charset=utf-8\r\n";
    let reply = format!("{head}content-length: 1000000\r\n\r\n{}", "x".repeat(100_000));
    let (egress, address) = server(reply.into_bytes()).await;
    let response = egress.send(Holder::Server, Request::new(Method::GET, address.clone())).await;
    let response = response.unwrap();
    assert_eq!(response.media_type().as_deref(), Some("text/plain"));
    assert!(!response.headers().contains_key("set-cookie"));
    let body = response.read(1_000).await.unwrap();
    assert_eq!((body.bytes.len(), body.is_cut, body.length), (1_000, true, Some(1_000_000)));
    assert_eq!(egress.inner.memory.held(), 1_000);
    drop(body);
    assert_eq!(egress.inner.memory.held(), 0);
    let short = egress.send(Holder::Server, Request::new(Method::GET, address)).await.unwrap();
    let broken = short.read(2_000_000).await.unwrap_err();
    assert_eq!(broken, EgressError::Broken("tool.example".into()), "it promised more");
    assert!(broken.may_have_happened());
}
