//! The same provider on HTTP/2 over TLS, as vendors' are: a hundred answers on a connection at most.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::provider::{self, Sink};

const STREAMS: u32 = 100;

/// `certificate` and `key` are files.
pub async fn run(certificate: &str, key: &str) {
    let acceptor = acceptor(certificate, key);
    let listener = crate::listen().await;
    let service = TowerToHyperService::new(Router::new().fallback(answer));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (acceptor, service) = (acceptor.clone(), service.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let mut builder = Builder::new(TokioExecutor::new()).http2_only();
            builder.http2().max_concurrent_streams(STREAMS);
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate");
    let chain = chain.collect::<Result<_, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.expect("a certificate with its key");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn answer(prompt: String) -> Response {
    let (mut sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move { provider::answer(&prompt, &mut sender).await });
    let frames = stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<_, io::Error>(receiver.recv().await?), receiver))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
}

impl Sink for mpsc::Sender<Bytes> {
    async fn send(&mut self, frames: &str) -> io::Result<()> {
        let sent = Self::send(self, Bytes::from(frames.to_owned())).await;
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
