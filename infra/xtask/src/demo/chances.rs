//! How often people do what they do, in percent, and how long they take, in hours. All of it is made up, by feel and
//! not by any market, and chosen so that a minute of the demo shows everything. To make people behave otherwise, change
//! a number here.

/// Hours, from and to.
pub type Hours = (u64, u64);

/// Visitors who say who they are (register in the mini-program).
pub const REGISTERS: u64 = 68;
/// Visitors who came by an advertisement.
pub const CAME_BY_AD: u64 = 40;
/// Those who compare with another maker.
pub const COMPARES: u64 = 50;
/// Those who configure a car.
pub const CONFIGURES: u64 = 30;
/// Registered people who also use a browser at home, logged in.
pub const SECOND_DEVICE: u64 = 35;
/// Registered people who allow marketing.
pub const ALLOWS_MARKETING: u64 = 60;
/// Those of them who withdraw it before they leave a lead.
pub const WITHDRAWS: u64 = 12;
/// Registered people who leave a lead (留资).
pub const LEAVES_LEAD: u64 = 62;
/// Leads who add a seller in WeCom (加企微).
pub const ADDS_SELLER: u64 = 60;
/// Leads who come to the store.
pub const VISITS: u64 = 72;
/// Visits with a test drive.
pub const DRIVES: u64 = 78;
/// Test drives with a quote.
pub const QUOTED: u64 = 70;
/// Quotes that become an order.
pub const ORDERS: u64 = 62;
/// Leads without an order that are given up (战败).
pub const GIVEN_UP: u64 = 45;
/// Owners who come for each service.
pub const COMES_FOR_SERVICE: u64 = 72;
/// Owners who renew their insurance with us.
pub const RENEWS: u64 = 65;
/// Owners of three years who have their car valued for a trade-in.
pub const VALUES_CAR: u64 = 50;

/// Events that a client sends twice: it did not hear the answer.
pub const SENT_TWICE: u64 = 4;
/// Live events that arrive late, with their own time: a phone was without network.
pub const LATE: u64 = 6;

/// Between two looks at a car.
pub const LOOKS: Hours = (1, 20);
/// From the last look to the registration.
pub const TO_REGISTER: Hours = (1, 30);
/// From the registration to the lead.
pub const TO_LEAD: Hours = (2, 90);
/// From the lead to the visit.
pub const TO_VISIT: Hours = (10, 110);
/// From the quote to the order.
pub const TO_ORDER: Hours = (20, 240);
/// From the order to the delivery.
pub const TO_DELIVERY: Hours = (14 * 24, 40 * 24);

/// How long ago people of the past came in, in days: three years.
pub const PAST_DAYS: u64 = 1_150;
/// People of the past, per car maker.
pub const PAST_PEOPLE: u64 = 160;
/// In the live part of the demo an hour of a person's life takes so many milliseconds: a day is under two seconds.
pub const LIVE_HOUR_MS: u64 = 75;
