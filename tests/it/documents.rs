//! Files that models do not read themselves: given to tools, or as the text that is found in them.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::sandbox::skipped;
use crate::support::{Answer, FakeProvider, Reply, TestApp, User, skipped_on_a_real_supabase};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const SYSTEM_PYTHON: &str = "/usr/bin/python3";
/// Its pages are what follows a form feed.
const PYPDF: &str = "
class Page:
    def __init__(self, text): self.text = text
    def extract_text(self): return self.text

class PdfReader:
    def __init__(self, path):
        head, *pages = open(path).read().split('\\f')
        self.is_encrypted = 'secret' in head
        self.pages = [Page(text) for text in pages]
    def decrypt(self, password): return False
";
/// A model that neither sees nor reads documents.
const READS_TEXT: &str = "gpt-5.5-cyber";

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn workbook() -> Vec<u8> {
    zipped(&[("xl/workbook.xml", "<workbook/>")])
}

/// A document as Word writes it, in small.
fn docx() -> Vec<u8> {
    let body = "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>The notice period is </w:t></w:r>\
        <w:r><w:t>ninety days.</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>Tea</w:t></w:r></w:p></w:tc>\
        <w:tc><w:p><w:r><w:t>3,50 €</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
        <w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>";
    let document = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body>{body}</w:body></w:document>"
    );
    zipped(&[("word/document.xml", &document)])
}

struct Stage {
    provider: FakeProvider,
    alice: User,
    chat: String,
    app: TestApp,
}

/// A virtual environment in which something stands in for a library that reads PDF files.
struct Library(PathBuf);

impl Library {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("chat-backend-library-{}", Uuid::new_v4()));
        let code = "import sys; print('lib/python%d.%d' % sys.version_info[:2], end='')";
        let version = Command::new(SYSTEM_PYTHON).args(["-c", code]).output();
        let version = version.map(|output| String::from_utf8(output.stdout).unwrap());
        let packages = root.join(version.unwrap_or_default()).join("site-packages");
        for folder in [&packages, &root.join("bin")] {
            fs::create_dir_all(folder).unwrap();
        }
        symlink(SYSTEM_PYTHON, root.join("bin/python")).unwrap();
        fs::write(root.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        fs::write(packages.join("pypdf.py"), PYPDF).unwrap();
        Self(root)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// `None`, and a note, where Python is asked for and there is none.
    async fn new(python: &str, model: &str) -> Option<Self> {
        let provider =
            FakeProvider::with((0..6).map(|_| Answer::Fixture("openai-chat/text_stream.sse")))
                .await;
        let url = ("OPENAI_BASE_URL", &*provider.url);
        let settings = [url, ("DEFAULT_MODEL", model), ("SCRIPT_PYTHON", python)];
        let app = TestApp::with(&settings).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Contracts").await;
        let found = alice.get("/api/scripts/capabilities").await.expect(200);
        if let (true, Some(reason)) = (python != "off", found["languages"][1]["reason"].as_str()) {
            skipped(reason);
            return None;
        }
        Some(Self { provider, alice, chat, app })
    }

    async fn ask(&self, file: &Value, tools: &[&str]) -> Reply {
        let file =
            json!({ "type": "file", "mediaType": file["media_type"], "file_id": file["id"] });
        let parts = [json!({ "type": "text", "text": "What is in it?" }), file];
        let body = json!({ "message": { "parts": parts }, "tools": tools });
        self.alice.generate(&self.chat, body).await
    }

    /// The newest message as the provider received it.
    fn received(&self) -> String {
        let requests = self.provider.requests();
        let messages = requests.last().unwrap()["messages"].as_array().unwrap().clone();
        messages.last().unwrap()["content"].to_string()
    }
}

#[tokio::test]
async fn any_file_can_be_given_to_a_tool_that_reads_it() {
    let Some(stage) = Stage::new("python3", "gpt-6-sol").await else { return };
    let file = stage.alice.add_file("sales.xlsx", "application/octet-stream", workbook()).await;
    assert_eq!(file["media_type"], XLSX);
    let reply = stage.ask(&file, &[]).await;
    assert!(reply.text.contains("offer the tool run_script"), "{}", reply.text);
    assert_eq!(reply.pointers(), ["/message/parts/1"]);
    let answer = stage.ask(&file, &["run_script"]).await.expect(200);
    assert_eq!(answer["user_message"]["parts"][1]["filename"], "sales.xlsx");
    let received = stage.received();
    let id = file["id"].as_str().unwrap();
    for named in ["sales.xlsx", XLSX, &format!("{} bytes", file["size"]), id, "call run_script"] {
        assert!(received.contains(named), "{named}: {received}");
    }
    // What cannot be seen can be worked on as well.
    let wide: &[u8] = &[
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\0\0\0\0\0\x01".as_slice(),
        &[0; 9],
        b"\0\0\0\x0aIDAT",
        &[0; 40],
    ]
    .concat();
    let wide = stage.alice.add_file("wide.png", "image/png", wide).await;
    stage.ask(&wide, &["run_script"]).await.expect(200);
}

#[tokio::test]
async fn without_python_nothing_is_promised() {
    let stage = Stage::new("off", READS_TEXT).await.unwrap();
    let xlsx = stage.alice.add_file("sales.xlsx", "application/zip", workbook()).await;
    let refusal = stage.ask(&xlsx, &["run_script"]).await.text;
    assert!(
        refusal.contains("which models cannot read") && !refusal.contains("a script"),
        "{refusal}"
    );
    let pdf = stage.alice.add_file("a.pdf", "application/pdf", "%PDF-1.7 hello").await;
    let docx = stage.alice.add_file("a.docx", "application/zip", docx()).await;
    for file in [&pdf, &docx] {
        let refusal = stage.ask(file, &[]).await.text;
        assert!(refusal.contains("needs Python, which this server does not have"), "{refusal}");
    }
    assert_eq!(stage.provider.requests().len(), 0);
}

#[tokio::test]
async fn the_text_of_documents_reaches_models_that_do_not_read_them() {
    let Some(stage) = Stage::new("python3", READS_TEXT).await else { return };
    let file = stage.alice.add_file("contract.docx", "application/octet-stream", docx()).await;
    assert_eq!(file["media_type"], DOCX);
    for _ in 0..2 {
        stage.ask(&file, &[]).await.expect(200);
        let received = stage.received();
        assert!(
            received.contains("The notice period is ninety days.\\nTea | 3,50 €\\n"),
            "{received}"
        );
        assert!(!received.contains("gone") && received.contains("contract.docx"), "{received}");
    }
    let broken = stage.alice.add_file("b.docx", DOCX, zipped(&[("a", "")])).await;
    stage.ask(&broken, &[]).await.expect(200);
    assert!(stage.received().contains("[file: b.docx, which is damaged"), "{}", stage.received());
    // No library for PDF files is part of Python.
    let pdf = stage.alice.add_file("a.pdf", "application/pdf", "%PDF-1.7 hello").await;
    let refusal = stage.ask(&pdf, &[]).await.text;
    assert!(refusal.contains("has no library for PDF files (pypdf"), "{refusal}");

    let url = format!("data:{DOCX};base64,{}", STANDARD.encode(docx()));
    let part = json!({ "type": "file", "mediaType": DOCX, "filename": "c.docx", "url": url });
    let body = json!({ "messages": [{ "role": "user", "content": [part] }] });
    stage.alice.post("/api/ai/generate", body).await.expect(200);
    assert!(stage.received().contains("ninety days"), "{}", stage.received());
}

#[tokio::test]
async fn the_text_of_pdf_files_is_read_once() {
    if skipped_on_a_real_supabase("the local one's folder") {
        return;
    }
    let library = Library::new();
    let Some(stage) = Stage::new(library.0.to_str().unwrap(), READS_TEXT).await else { return };
    let pdf = async |name, text| stage.alice.add_file(name, "application/pdf", text).await;
    let (scanned, secret) =
        (pdf("s.pdf", "%PDF-\x0c \x0c").await, pdf("t.pdf", "%PDF-secret").await);
    let file = pdf("tax.pdf", "%PDF-\x0cOne\x0cThe harbour tax").await;
    for (file, reason) in
        [(scanned, "has no text: its pages may be pictures"), (secret, "is protected")]
    {
        stage.ask(&file, &[]).await.expect(200);
        assert!(stage.received().contains(reason), "{}", stage.received());
    }
    stage.ask(&file, &[]).await.expect(200);
    for stored in fs::read_dir(stage.app.data_dir.join("storage")).unwrap() {
        fs::remove_file(stored.unwrap().path()).unwrap();
    }
    stage.ask(&file, &[]).await.expect(200);
    let received = stage.received();
    assert!(received.contains("[page 1]\\nOne\\n[page 2]\\nThe harbour tax\\n"), "{received}");
}

#[tokio::test]
async fn texts_in_other_encodings_are_given_as_utf8() {
    let stage = Stage::new("off", READS_TEXT).await.unwrap();
    let utf16: Vec<u8> =
        "\u{feff}Stadt;Größe\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, encoding) in [(utf16, "UTF-16"), (b"Stadt;Gr\xf6\xdfe\n".to_vec(), "Latin-1")] {
        for declared in ["text/csv", "application/octet-stream"] {
            let file = stage.alice.add_file("a.csv", declared, &bytes).await;
            assert_eq!(
                (&file["media_type"], &file["size"]),
                (&json!("text/csv"), &json!(bytes.len()))
            );
            stage.ask(&file, &[]).await.expect(200);
            let received = stage.received();
            assert!(received.contains("Stadt;Größe") && received.contains(encoding), "{received}");
            let content = format!("/api/files/{}/content", file["id"].as_str().unwrap());
            let stored = Reply::send(stage.alice.request(reqwest::Method::GET, &content)).await;
            assert_eq!(stored.header("content-length"), bytes.len().to_string());
        }
    }
}
