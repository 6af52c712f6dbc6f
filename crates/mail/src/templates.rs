//! What the mails say. Names come from users: each is cut to one short line, so that nobody can put words in our mouth.

use crate::Mail;

pub fn invite(to: &str, inviter: &str, organization: &str, message: Option<&str>, link: &str) -> Mail {
    let (inviter, organization) = (one_line(inviter), one_line(organization));
    let note = message.map(|text| format!("{inviter} writes: {}\n\n", one_line(text))).unwrap_or_default();
    Mail {
        to: to.to_owned(),
        subject: format!("{inviter} invited you to {organization} on Hoglet"),
        text: format!(
            "Hello,\n\n{inviter} invites you to join {organization} on Hoglet, where the team looks at how its product is used.\n\n\
             {note}Accept here within three days:\n{link}\n\nIf you did not expect this, ignore this mail.\n"
        ),
    }
}

pub fn reset_password(to: &str, name: &str, link: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: "Reset your Hoglet password".to_owned(),
        text: format!(
            "Hello {},\n\nsomeone, probably you, asked for a new password. Choose it here within one hour:\n{link}\n\n\
             The link works once. If it was not you, do nothing: your password stays as it is.\n",
            one_line(name)
        ),
    }
}

pub fn verify_email(to: &str, name: &str, link: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        subject: "Confirm your mail address for Hoglet".to_owned(),
        text: format!(
            "Hello {},\n\nconfirm that this is your mail address:\n{link}\n\nThe link works once, for one day.\n",
            one_line(name)
        ),
    }
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    // A link in a name would be clickable in most mail programs.
    line.replace("://", ":/ /").trim().to_owned()
}
