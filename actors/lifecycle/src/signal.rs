//! Which events say something about a stage. To add a signal: 1 a row of `SIGNALS`, 2 rows in `transition.rs`, 3 the
//! page (`cargo xtask schemas` writes its tables). A letter is stored for ever: never give one a new meaning.

use crate::words::words;
use serde_json::{Map, Value};

words! {
    /// Something that happened, as far as stages are concerned. At one instant they count in this order.
    Signal {
        /// A touch of the brand.
        Touch = "touch" "触达" "touched by the brand";
        /// A model was looked at.
        View = "view" "看车型" "looked at a model";
        /// Several looks within a short time.
        Interest = "interest" "多次看车型" "looked at models repeatedly";
        /// Models were compared.
        Compare = "compare" "对比车型" "compared models";
        /// A car was configured, or its price or loan calculated.
        Configure = "configure" "选配或测算" "configured a car or calculated its price";
        /// Details were left.
        Lead = "lead" "留资" "left contact details";
        /// A visit of somebody with a high grade.
        Visit = "visit" "高意向到店" "visited a store with high intent";
        /// A test drive.
        Drive = "drive" "试驾" "took a test drive";
        /// A price was offered.
        Quote = "quote" "报价" "was given a quote";
        /// An order or a deposit.
        Order = "order" "下订" "ordered";
        /// The order was taken back.
        Cancel = "cancel" "退订" "cancelled the order";
        /// The lead was lost.
        Defeat = "defeat" "战败" "the lead was lost";
        /// The car was handed over.
        Delivery = "delivery" "交车" "took delivery";
        /// A car was bound to the person.
        Bind = "bind" "绑车" "bound a car";
        /// Maintenance or repair.
        Service = "service" "维修保养" "had the car serviced";
        /// Accessories or features were bought.
        Personalise = "personalise" "精品改装" "bought accessories or features";
        /// Somebody else was brought.
        Referral = "referral" "转介绍" "referred somebody";
        /// The insurance or the warranty runs out.
        Expiring = "expiring" "续保到期" "insurance or warranty running out";
        /// The car is old enough to be replaced.
        Aged = "aged" "车龄到期" "the car has reached the age of replacement";
        /// The car was valued for a trade-in.
        Trade = "trade" "置换评估" "had the car valued for trade-in";
        /// Insurance was renewed.
        Renewed = "renewed" "已续保" "renewed the insurance";
        /// The car was passed on.
        Transfer = "transfer" "过户" "passed the car on";
    }
}

/// The two sides of a life with cars; they go on beside each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Region {
    /// Towards the next car.
    Intent,
    /// With the car they have.
    Home,
}

/// What a signal is about where the event names a car by its VIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The person, whatever car is named.
    Person,
    /// That car; without a VIN the person, as somebody with one car nobody has named.
    Car,
    /// Both: the purchase is over for the person, and begins for the car.
    Both,
}

/// What an event must say besides its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// These lists together have at least so many entries; an event that has none of the lists says it by its name.
    Entries {
        /// Names of list properties.
        of: &'static [&'static str],
        /// How many.
        least: usize,
    },
    /// A property has one of these texts.
    OneOf {
        /// Its name.
        property: &'static str,
        /// The texts.
        values: &'static [&'static str],
    },
}

/// One row of the table of signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalSpec {
    /// Which.
    pub signal: Signal,
    /// Its letter in the stored form.
    pub letter: u8,
    /// Which side it moves. [`Signal::Delivery`] also ends the intent.
    pub region: Region,
    /// Whose.
    pub about: About,
    /// How many of the newest are kept.
    pub keep: usize,
    /// How far towards a purchase it is; 0 outside the intent.
    pub rank: u8,
    /// Earlier signs of the intent up to this rank say nothing any more once this one is known.
    pub settles: u8,
    /// The events that are this signal; none where it follows from others.
    pub events: &'static [&'static str],
    /// What they must say.
    pub needs: Need,
}

const fn intent(signal: Signal, letter: u8, rank: u8, settles: u8, events: &'static [&'static str]) -> SignalSpec {
    let (region, about, needs) = (Region::Intent, About::Person, Need::Nothing);
    SignalSpec { signal, letter, region, about, keep: 1, rank, settles, events, needs }
}

const fn home(signal: Signal, letter: u8, keep: usize, about: About, events: &'static [&'static str]) -> SignalSpec {
    let (region, needs) = (Region::Home, Need::Nothing);
    SignalSpec { signal, letter, region, about, keep, rank: 0, settles: 0, events, needs }
}

/// The table of signals, in the order of [`Signal::ALL`].
pub const SIGNALS: [SignalSpec; Signal::ALL.len()] = [
    intent(
        Signal::Touch,
        b't',
        1,
        1,
        &[
            "ad_clicked",
            "content_viewed",
            "dealer_searched",
            "live_joined",
            "oa_followed",
            "qr_scanned",
            "wecom_contact_added",
        ],
    ),
    // It settles touches only: several views are counted.
    SignalSpec { keep: 3, ..intent(Signal::View, b'v', 2, 1, &["model_viewed"]) },
    intent(Signal::Interest, b'm', 3, 3, &[]),
    SignalSpec {
        needs: Need::Entries { of: &["models", "competitor_models"], least: 2 },
        ..intent(Signal::Compare, b'c', 3, 3, &["model_compared"])
    },
    intent(Signal::Configure, b'g', 3, 3, &["configurator_completed", "loan_calculated", "price_calculated"]),
    intent(Signal::Lead, b'l', 4, 4, &["lead_submitted"]),
    SignalSpec {
        needs: Need::OneOf { property: "grade", values: &["H", "A"] },
        ..intent(Signal::Visit, b'b', 5, 5, &["store_visit"])
    },
    intent(Signal::Drive, b'd', 5, 5, &["test_drive_completed"]),
    intent(Signal::Quote, b'q', 5, 5, &["finance_applied", "quote_issued"]),
    intent(Signal::Order, b'o', 6, 6, &["contract_signed", "deposit_paid", "order_locked", "order_placed"]),
    // It takes an order back, so it must leave the order to be seen.
    intent(Signal::Cancel, b'k', 6, 0, &["order_cancelled"]),
    intent(Signal::Defeat, b'x', 7, 7, &["lead_defeated"]),
    SignalSpec { settles: 7, ..home(Signal::Delivery, b'y', 2, About::Both, &["delivery_completed"]) },
    home(Signal::Bind, b'w', 1, About::Car, &["app_bound", "vehicle_bound"]),
    home(Signal::Service, b's', 2, About::Car, &["repair_completed", "service_completed"]),
    home(Signal::Personalise, b'p', 1, About::Car, &["feature_subscribed", "parts_purchased"]),
    home(Signal::Referral, b'f', 1, About::Person, &["referral_made"]),
    home(Signal::Expiring, b'i', 1, About::Car, &["insurance_expiring", "insurance_quoted", "warranty_expiring"]),
    home(Signal::Aged, b'a', 1, About::Car, &[]),
    home(Signal::Trade, b'z', 1, About::Car, &["tradein_valuated"]),
    home(Signal::Renewed, b'n', 1, About::Car, &["insurance_renewed"]),
    home(Signal::Transfer, b'h', 1, About::Both, &["ownership_transferred"]),
];

/// So many of a signal within so many days are another signal. Noticed when the signal is noted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// Which is counted.
    pub of: Signal,
    /// How many; at most what [`SignalSpec::keep`] keeps.
    pub times: usize,
    /// Days of 24 hours from the first to the last.
    pub within_days: i64,
    /// What they are together.
    pub gives: Signal,
}

/// The habit of the trade, not a law: three looks in two weeks are interest.
pub const THRESHOLDS: [Threshold; 1] =
    [Threshold { of: Signal::View, times: 3, within_days: 14, gives: Signal::Interest }];

/// So long after a signal another one happens by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ripening {
    /// After which.
    pub of: Signal,
    /// Days of 24 hours.
    pub after_days: i64,
    /// What happens.
    pub gives: Signal,
}

/// Three years after the delivery, a leap day included, a car is old enough to be replaced: the habit of the trade.
pub const RIPENINGS: [Ripening; 1] = [Ripening { of: Signal::Delivery, after_days: 1_096, gives: Signal::Aged }];

/// How many event names the table has.
const EVENTS: usize = {
    let (mut row, mut count) = (0, 0);
    while row < SIGNALS.len() {
        count += SIGNALS[row].events.len();
        row += 1;
    }
    count
};

/// Event names with their rows, by length and then by bytes: every event of every tenant is looked up here, and
/// almost all are none of these.
const BY_EVENT: [(&str, Signal); EVENTS] = {
    let mut all = [("", Signal::Touch); EVENTS];
    let (mut row, mut count) = (0, 0);
    while row < SIGNALS.len() {
        let mut event = 0;
        while event < SIGNALS[row].events.len() {
            let mut place = count;
            while place > 0 && before(SIGNALS[row].events[event], all[place - 1].0) {
                all[place] = all[place - 1];
                place -= 1;
            }
            all[place] = (SIGNALS[row].events[event], SIGNALS[row].signal);
            count += 1;
            event += 1;
        }
        row += 1;
    }
    all
};

const fn before(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return a.len() < b.len();
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    false
}

/// The signal that an event is, if it is one.
pub fn signal_of(event: &str, properties: &Map<String, Value>) -> Option<Signal> {
    let order = |known: &(&str, Signal)| known.0.len().cmp(&event.len()).then_with(|| known.0.cmp(event));
    let (_, signal) = BY_EVENT[BY_EVENT.binary_search_by(order).ok()?];
    signal.spec().needs.met(properties).then_some(signal)
}

impl Signal {
    /// Its row of the table.
    pub const fn spec(self) -> &'static SignalSpec {
        &SIGNALS[self as usize]
    }

    /// The signal with this letter of the stored form.
    pub(crate) fn from_letter(letter: u8) -> Option<Self> {
        SIGNALS.iter().find(|spec| spec.letter == letter).map(|spec| spec.signal)
    }
}

impl Need {
    fn met(self, properties: &Map<String, Value>) -> bool {
        match self {
            Need::Nothing => true,
            Need::Entries { of, least } => {
                let lists = of.iter().filter_map(|key| properties.get(*key)?.as_array());
                let (lists, entries) = lists.fold((0, 0), |(lists, entries), list| (lists + 1, entries + list.len()));
                lists == 0 || entries >= least
            }
            Need::OneOf { property, values } => {
                let text = properties.get(property).and_then(Value::as_str);
                text.is_some_and(|text| values.contains(&text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn signal(event: &str, properties: Value) -> Option<Signal> {
        signal_of(event, properties.as_object().unwrap())
    }

    #[test]
    fn the_table_is_in_order_and_names_everything_once() {
        for (spec, signal) in SIGNALS.iter().zip(Signal::ALL) {
            assert_eq!(spec.signal, signal);
            assert!(spec.letter.is_ascii_lowercase() && spec.keep > 0);
            for event in spec.events {
                assert_eq!(BY_EVENT.iter().filter(|(name, _)| name == event).count(), 1, "{event}");
            }
        }
        assert_eq!(SIGNALS.iter().map(|spec| spec.letter).collect::<BTreeSet<_>>().len(), SIGNALS.len());
        for threshold in THRESHOLDS {
            assert!(threshold.times <= threshold.of.spec().keep, "what is not kept cannot be counted");
        }
    }

    #[test]
    fn an_event_is_a_signal_by_its_name_and_by_what_it_says() {
        for (event, _) in BY_EVENT {
            let full = json!({ "models": ["R1", "R3"], "grade": "H" });
            assert!(signal(event, full).is_some(), "{event}");
        }
        let cases = [
            ("model_compared", json!({}), Some(Signal::Compare)),
            ("model_compared", json!({ "models": ["R1"] }), None),
            ("model_compared", json!({ "models": ["R1"], "competitor_models": ["X"] }), Some(Signal::Compare)),
            ("store_visit", json!({ "grade": "C" }), None),
            ("store_visit", json!({ "grade": 7 }), None),
            ("store_visit", json!({ "grade": "A" }), Some(Signal::Visit)),
            ("Model_viewed", json!({}), None),
            ("", json!({}), None),
            ("page", json!({ "grade": "A" }), None),
        ];
        for (event, properties, expected) in cases {
            assert_eq!(signal(event, properties.clone()), expected, "{event} {properties}");
        }
    }
}
