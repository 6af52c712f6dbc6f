//! The names that occur in the data: events, pages, devices, places.

use std::io::{self, Write};

pub const PAGEVIEW: u8 = 0;
pub const VIEW_ITEM: u8 = 5;
pub const SIGNUP: u8 = 10;
pub const ACTIVATED: u8 = 11;
pub const CHECKOUT_STARTED: u8 = 12;
pub const PURCHASE: u8 = 13;
pub const ADD_TO_CART: u8 = 14;
/// From here on events are rare, the later the rarer.
pub const FIRST_RARE: u8 = 14;
/// Not one of the sixty: it makes two persons one.
pub const MERGE: u8 = 60;

pub const EVENTS: [&str; 61] = [
    "$pageview",
    "$autocapture",
    "$pageleave",
    "$feature_flag_called",
    "$web_vitals",
    "view_item",
    "$identify",
    "$set",
    "$exception",
    "$rageclick",
    "signup",
    "activated",
    "checkout_started",
    "purchase",
    "add_to_cart",
    "invite_sent",
    "search",
    "report_viewed",
    "dashboard_created",
    "insight_saved",
    "file_uploaded",
    "file_downloaded",
    "comment_added",
    "team_created",
    "settings_changed",
    "plan_upgraded",
    "plan_downgraded",
    "video_played",
    "video_paused",
    "video_finished",
    "share_clicked",
    "export_started",
    "export_finished",
    "import_started",
    "import_finished",
    "notification_sent",
    "notification_opened",
    "email_opened",
    "email_clicked",
    "tour_started",
    "tour_finished",
    "tour_skipped",
    "filter_applied",
    "sort_changed",
    "row_clicked",
    "modal_opened",
    "modal_closed",
    "form_started",
    "form_submitted",
    "form_error",
    "login",
    "logout",
    "password_reset",
    "profile_updated",
    "api_key_created",
    "webhook_created",
    "integration_added",
    "integration_removed",
    "survey_shown",
    "survey_sent",
    "$merge_dangerously",
];

/// Most frequent first.
pub const COUNTRIES: [&str; 60] = [
    "US", "IN", "GB", "DE", "BR", "FR", "CA", "JP", "AU", "NL", "ES", "IT", "MX", "PL", "SE", "ID", "TR", "KR", "SG", "PH", "NG", "AR",
    "CH", "BE", "VN", "ZA", "IE", "PT", "NO", "DK", "FI", "AT", "CZ", "RO", "UA", "IL", "AE", "EG", "PK", "BD", "TH", "MY", "CO", "CL",
    "PE", "NZ", "GR", "HU", "KE", "SA", "TW", "HK", "RS", "BG", "SK", "HR", "LT", "EE", "LV", "SI",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum System {
    Windows,
    Mac,
    Ios,
    Android,
    Linux,
    Chrome,
}

impl System {
    pub const SHARES: [(f64, System); 6] = [
        (35.0, System::Windows),
        (25.0, System::Mac),
        (18.0, System::Ios),
        (15.0, System::Android),
        (5.0, System::Linux),
        (2.0, System::Chrome),
    ];

    pub fn name(self) -> &'static str {
        match self {
            System::Windows => "Windows",
            System::Mac => "Mac OS X",
            System::Ios => "iOS",
            System::Android => "Android",
            System::Linux => "Linux",
            System::Chrome => "Chrome OS",
        }
    }

    pub fn is_handheld(self) -> bool {
        matches!(self, System::Ios | System::Android)
    }

    pub fn browsers(self) -> &'static [(f64, &'static str)] {
        match self {
            System::Windows => &[(66.0, "Chrome"), (20.0, "Microsoft Edge"), (8.0, "Firefox"), (3.0, "Opera"), (3.0, "Brave")],
            System::Mac => &[(55.0, "Chrome"), (35.0, "Safari"), (6.0, "Firefox"), (4.0, "Brave")],
            System::Ios => &[(80.0, "Mobile Safari"), (20.0, "Chrome iOS")],
            System::Android => &[(80.0, "Chrome"), (12.0, "Samsung Internet"), (8.0, "Android Mobile")],
            System::Linux => &[(55.0, "Chrome"), (45.0, "Firefox")],
            System::Chrome => &[(1.0, "Chrome")],
        }
    }

    pub fn write_version(self, version: u8, out: &mut impl Write) -> io::Result<()> {
        match self {
            System::Windows => write!(out, "{}", 10 + version % 2),
            System::Mac => write!(out, "10.15.{version}"),
            System::Ios => write!(out, "17.{version}"),
            System::Android => write!(out, "{}", 8 + version % 7),
            System::Linux | System::Chrome => write!(out, "5.{version}"),
        }
    }
}

pub const PLANS: [(f64, &str); 4] = [(70.0, "free"), (22.0, "pro"), (5.0, "enterprise"), (3.0, "none")];
pub const LIBRARY_VERSIONS: [&str; 6] = ["1.205.0", "1.207.1", "1.210.2", "1.215.3", "1.220.0", "1.222.4"];
pub const DESKTOP_SCREENS: [(u32, u32); 5] = [(1920, 1080), (1440, 900), (1536, 864), (2560, 1440), (1366, 768)];
pub const PHONE_SCREENS: [(u32, u32); 2] = [(390, 844), (412, 915)];
pub const TABLET_SCREEN: (u32, u32) = (820, 1180);

/// Address and domain; the first is "none", the others are the rarer the later.
pub const REFERRERS: [(&str, &str); 12] = [
    ("$direct", "$direct"),
    ("https://www.google.com/", "www.google.com"),
    ("https://www.bing.com/", "www.bing.com"),
    ("https://news.ycombinator.com/", "news.ycombinator.com"),
    ("https://t.co/", "t.co"),
    ("https://www.linkedin.com/", "www.linkedin.com"),
    ("https://duckduckgo.com/", "duckduckgo.com"),
    ("https://www.reddit.com/", "www.reddit.com"),
    ("https://github.com/", "github.com"),
    ("https://www.facebook.com/", "www.facebook.com"),
    ("https://chatgpt.com/", "chatgpt.com"),
    ("https://www.youtube.com/", "www.youtube.com"),
];
pub const SOURCES: [&str; 8] = ["google", "newsletter", "twitter", "linkedin", "partner", "facebook", "bing", "podcast"];
pub const MEDIUMS: [&str; 4] = ["cpc", "email", "social", "referral"];

pub const HOST: &str = "app.example.com";
pub const PAGES: u64 = 2000;
pub const SIGNUP_PAGE: u16 = 3;
pub const DASHBOARD_PAGE: u16 = 4;
pub const CHECKOUT_PAGE: u16 = 6;
pub const PAYMENT_PAGE: u16 = 7;
/// Pages before this one are the site's main pages.
pub const MAIN_PAGES: u16 = 10;

const MAIN: [&str; MAIN_PAGES as usize] =
    ["/", "/pricing", "/login", "/signup", "/dashboard", "/docs", "/checkout", "/checkout/payment", "/blog", "/settings"];

pub fn write_path(page: u16, out: &mut impl Write) -> io::Result<()> {
    if let Some(path) = MAIN.get(usize::from(page)) {
        return out.write_all(path.as_bytes());
    }
    match page % 5 {
        0 => write!(out, "/docs/section-{}/page-{page}", page / 50),
        1 => write!(out, "/product/{page}/details"),
        2 => write!(out, "/blog/2026/post-title-number-{page}"),
        3 => write!(out, "/app/project/{page}/insights"),
        _ => write!(out, "/help/article/{page}"),
    }
}

/// What follows the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    Plain,
    Campaign(u8),
    /// The long tail: hundreds of thousands of addresses that occur a few times.
    Item(u32),
}

pub fn write_url(page: u16, variant: Variant, out: &mut impl Write) -> io::Result<()> {
    write!(out, "https://{HOST}")?;
    write_path(page, out)?;
    match variant {
        Variant::Plain => Ok(()),
        Variant::Campaign(campaign) => write!(out, "?utm_source={}&ref=nav", SOURCES[usize::from(campaign) % SOURCES.len()]),
        Variant::Item(item) => write!(out, "?id={item}"),
    }
}
