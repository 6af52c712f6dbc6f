//! Where an address is, from the operator's city database.

use ahash::RandomState;
use anyhow::{Context, Result};
use maxminddb::{Reader, geoip2};
use model::PropertyValue;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Everything a lookup may find, in the order in which it is stored.
const KEYS: &[&str] = &[
    "city_name",
    "city_confidence",
    "subdivision_1_name",
    "subdivision_1_code",
    "subdivision_2_name",
    "subdivision_2_code",
    "subdivision_3_name",
    "subdivision_3_code",
    "country_name",
    "country_code",
    "continent_name",
    "continent_code",
    "postal_code",
    "latitude",
    "longitude",
    "accuracy_radius",
    "time_zone",
];

/// What one address adds to an event and to its person.
#[derive(Debug, PartialEq)]
pub struct Place {
    /// `$geoip_*`, only what was found.
    pub event: Vec<(Arc<str>, PropertyValue)>,
    /// `$geoip_*` for `$set`; what was not found is null, so that an older place does not linger.
    pub set: Vec<(Arc<str>, PropertyValue)>,
    /// `$initial_geoip_*` for `$set_once`.
    pub set_once: Vec<(Arc<str>, PropertyValue)>,
}

const MAX_CACHED: usize = 20_000;

pub struct Geo {
    reader: Reader<Vec<u8>>,
    names: Vec<Arc<str>>,
    initial_names: Vec<Arc<str>>,
    cache: HashMap<IpAddr, Option<Arc<Place>>, RandomState>,
}

impl Geo {
    pub fn open(path: &Path) -> Result<Geo> {
        let reader = Reader::open_readfile(path).with_context(|| format!("reading the GeoIP database {}", path.display()))?;
        let kind = &reader.metadata().database_type;
        anyhow::ensure!(kind.contains("City") || kind.contains("Enterprise"), "{} is not a city database but {kind:?}", path.display());
        let named = |prefix: &str| KEYS.iter().map(|key| Arc::from(format!("{prefix}{key}"))).collect();
        Ok(Geo { reader, names: named("$geoip_"), initial_names: named("$initial_geoip_"), cache: HashMap::default() })
    }

    /// `None` for addresses that are malformed, of this machine, or not in the database.
    pub fn lookup(&mut self, address: &str) -> Option<Arc<Place>> {
        let address: IpAddr = address.trim().parse().ok()?;
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        if let Some(known) = self.cache.get(&address) {
            return known.clone();
        }
        if self.cache.len() >= MAX_CACHED {
            self.cache.clear();
        }
        let place = self.find(address).map(Arc::new);
        self.cache.insert(address, place.clone());
        place
    }

    fn find(&self, address: IpAddr) -> Option<Place> {
        // A damaged record must not stop ingestion: the event is stored without a place.
        let city: geoip2::City = self.reader.lookup(address).ok()?.decode().ok()??;
        let found = values(&city);
        let keyed = |names: &[Arc<str>]| names.iter().cloned().zip(found.iter().cloned()).collect::<Vec<_>>();
        let mut event = keyed(&self.names);
        event.retain(|(_, value)| !value.is_null());
        Some(Place { event, set: keyed(&self.names), set_once: keyed(&self.initial_names) })
    }
}

/// In the order of [`KEYS`].
fn values(city: &geoip2::City) -> Vec<PropertyValue> {
    let text = |value: Option<&str>| value.map_or(PropertyValue::Null, PropertyValue::from);
    let number = |value: Option<f64>| value.map_or(PropertyValue::Null, PropertyValue::Float);
    let division = |at: usize| city.subdivisions.get(at);
    let mut values = vec![text(city.city.names.english), PropertyValue::Null];
    for at in 0..3 {
        values.push(text(division(at).and_then(|one| one.names.english)));
        values.push(text(division(at).and_then(|one| one.iso_code)));
    }
    values.push(text(city.country.names.english));
    values.push(text(city.country.iso_code));
    values.push(text(city.continent.names.english));
    values.push(text(city.continent.code));
    values.push(text(city.postal.code));
    values.push(number(city.location.latitude));
    values.push(number(city.location.longitude));
    values.push(city.location.accuracy_radius.map_or(PropertyValue::Null, |km| PropertyValue::Int(i64::from(km))));
    values.push(text(city.location.time_zone));
    values
}
