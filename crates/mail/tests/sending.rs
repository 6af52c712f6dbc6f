//! Mail as it leaves: in a file, and over SMTP to a small server.

use mail::{Encryption, Mail, Mailer, SmtpSettings};
use model::Timestamp;
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const NOW: Timestamp = Timestamp(1_750_000_000_000_000);

fn hello() -> Mail {
    Mail { to: "a@example.com".into(), subject: "Hi\r\nBcc: evil@example.com".into(), text: "Grüße\n".into() }
}

#[tokio::test]
async fn a_mail_becomes_a_private_file() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::file(folder.path().join("mail"), "Hoglet <hoglet@example.com>").unwrap();
    assert!(!mailer.delivers());
    mailer.send(&hello(), NOW).await.unwrap();
    mailer.send(&hello(), NOW).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path().join("mail")).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(files[0].path()).unwrap();
    assert!(text.contains("To: a@example.com") && text.contains("Date: Sun, 15 Jun 2025"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
}

#[tokio::test]
async fn a_mail_reaches_an_smtp_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 test\r\n").await.unwrap();
        let (mut received, mut in_data) = (Vec::new(), false);
        while let Ok(Some(line)) = lines.next_line().await {
            received.push(line.clone());
            let answer: &[u8] = match line.as_str() {
                "." if in_data => {
                    in_data = false;
                    b"250 stored\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ => b"250 ok\r\n",
            };
            write.write_all(answer).await.unwrap();
            if answer.starts_with(b"250 stored") {
                break;
            }
        }
        received
    });
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port,
        user: None,
        password: None,
        encryption: Encryption::None,
        from: "hoglet@example.com".into(),
    };
    Mailer::smtp(&settings).unwrap().send(&hello(), NOW).await.unwrap();
    let received = server.await.unwrap();
    assert!(received.iter().any(|line| line == "RCPT TO:<a@example.com>"), "{received:?}");
    assert!(received.iter().any(|line| line == "MAIL FROM:<hoglet@example.com>"), "{received:?}");
}

#[tokio::test]
async fn an_unreachable_server_is_an_error() {
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port: 1,
        user: None,
        password: None,
        encryption: Encryption::None,
        from: "hoglet@example.com".into(),
    };
    assert!(Mailer::smtp(&settings).unwrap().send(&hello(), NOW).await.is_err());
    assert!(Mailer::file("x".into(), "not a sender").is_err());
}

#[test]
fn names_cannot_smuggle_links_or_lines() {
    let mail = mail::invite("a@example.com", "Eve\nhttps://evil.example", "Org", Some("see http://x"), "https://hog/signup/1");
    assert_eq!(mail.subject, "Eve https:/ /evil.example invited you to Org on Hoglet");
    assert_eq!(mail.text.matches("://").count(), 1);
}
