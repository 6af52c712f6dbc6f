//! Outgoing mail: by SMTP when the operator configured a server, else as `.eml` files that the operator can open.
//!
//! Invariant: no mail leaves the machine unless an SMTP host was configured.

mod templates;

pub use templates::{invite, reset_password, verify_email};

use anyhow::{Context, Result};
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use model::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A plain-text mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Sends or stores mail. Cheap to clone.
#[derive(Clone)]
pub enum Mailer {
    Smtp {
        transport: AsyncSmtpTransport<Tokio1Executor>,
        from: Mailbox,
    },
    /// One `.eml` file per mail in this folder, readable by the server's user only: mails carry one-time links.
    File {
        folder: Arc<Path>,
        from: Mailbox,
        written: Arc<AtomicU64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// `EMAIL_USE_TLS`: begins in the clear and upgrades, or fails.
    StartTls,
    /// `EMAIL_USE_SSL`: encrypted from the first byte.
    Tls,
}

#[derive(Clone)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub encryption: Encryption,
    /// `Hoglet <hoglet@example.com>` or a bare address.
    pub from: String,
}

impl Mailer {
    pub fn smtp(settings: &SmtpSettings) -> Result<Mailer> {
        type Smtp = AsyncSmtpTransport<Tokio1Executor>;
        let builder = match settings.encryption {
            Encryption::None => Smtp::builder_dangerous(&settings.host),
            Encryption::StartTls => Smtp::starttls_relay(&settings.host).context("preparing TLS for mail")?,
            Encryption::Tls => Smtp::relay(&settings.host).context("preparing TLS for mail")?,
        };
        let mut builder = builder.port(settings.port).timeout(Some(Duration::from_secs(20)));
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Mailer::Smtp { transport: builder.build(), from: sender(&settings.from)? })
    }

    pub fn file(folder: PathBuf, from: &str) -> Result<Mailer> {
        Ok(Mailer::File { folder: folder.into(), from: sender(from)?, written: Arc::default() })
    }

    /// True when mail really reaches people.
    pub fn delivers(&self) -> bool {
        matches!(self, Mailer::Smtp { .. })
    }

    pub async fn send(&self, mail: &Mail, now: Timestamp) -> Result<()> {
        match self {
            Mailer::Smtp { transport, from } => {
                let message = compose(mail, from, now)?;
                transport.send(message).await.context("the mail server refused or could not be reached").map(|_| ())
            }
            Mailer::File { folder, from, written } => {
                let message = compose(mail, from, now)?;
                let name = format!("{:020}-{:06}.eml", now.0.max(0), written.fetch_add(1, Ordering::Relaxed));
                let folder = folder.clone();
                let bytes = message.formatted();
                tokio::task::spawn_blocking(move || write_private(&folder, &name, &bytes)).await.context("writing mail")?
            }
        }
    }
}

fn sender(from: &str) -> Result<Mailbox> {
    from.parse().with_context(|| format!("{from:?} is not a sender such as \"Hoglet <hoglet@example.com>\""))
}

fn compose(mail: &Mail, from: &Mailbox, now: Timestamp) -> Result<Message> {
    let to = lettre::message::Mailbox::new(None, mail.to.parse().with_context(|| "the recipient is not a mail address")?);
    let date = SystemTime::UNIX_EPOCH + Duration::from_micros(now.0.max(0) as u64);
    Message::builder()
        .from(from.clone())
        .to(to)
        .date(date)
        .subject(mail.subject.replace(['\r', '\n'], " "))
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .context("composing mail")
}

fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(name);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("creating {}", path.display()))?;
    file.write_all(bytes).with_context(|| format!("writing {}", path.display()))
}
