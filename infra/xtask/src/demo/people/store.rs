//! What a customer does with the store: leaves a lead, visits, drives, orders, and three years with the car.

use super::Person;
use crate::demo::chances;
use crate::demo::random::Random;
use crate::demo::stories::Story;
use serde_json::json;

const DAY_H: u64 = 24;

impl Person {
    /// A lead, and what may come of it.
    pub(super) fn lead(&mut self, random: &mut Random) {
        self.later(random, chances::TO_LEAD);
        let window = random.one_of(&["7", "15", "30", "90"]);
        let lead = json!({ "series": self.series, "buy_window": window, "form_id": "demo-form", "city_code": self.store.city });
        self.at_store("lead_submitted", lead);
        if random.percent(chances::ADDS_SELLER) {
            self.now_h += random.between(1, 6);
            self.at_store("wecom_contact_added", json!({ "userid": self.seller, "state": "lead", "add_way": "qr" }));
        }
        if self.story.decides(random.percent(chances::VISITS), Story::visits) {
            self.visit(random);
        } else if random.percent(chances::GIVEN_UP) {
            self.give_up(random);
        }
    }

    fn visit(&mut self, random: &mut Random) {
        self.later(random, chances::TO_VISIT);
        let grade = random.one_of(&["H", "A", "B"]);
        self.at_store(
            "store_visit",
            json!({ "grade": grade, "party_size": random.between(1, 4), "first_visit": true }),
        );
        if !self.story.decides(random.percent(chances::DRIVES), Story::visits) {
            return self.give_up(random);
        }
        self.now_h += 1;
        self.at_store("test_drive_completed", json!({ "model": self.series, "rating": random.between(3, 5) }));
        if !self.story.decides(random.percent(chances::QUOTED), Story::orders) {
            return;
        }
        self.now_h += 1;
        let total = 190_000 + random.between(0, 40) * 1_000;
        self.at_store(
            "quote_issued",
            json!({ "quote_id": format!("quote-{}", self.user_id), "msrp": 219_900, "total": total }),
        );
        if !self.story.decides(random.percent(chances::ORDERS), Story::orders) {
            return self.give_up(random);
        }
        self.later(random, chances::TO_ORDER);
        let order = format!("order-{}", self.user_id);
        self.at_store("order_placed", json!({ "order_id": order, "model": self.series, "price": total }));
        self.later(random, chances::TO_DELIVERY);
        self.own(random, &order);
    }

    fn give_up(&mut self, random: &mut Random) {
        if random.percent(chances::GIVEN_UP) {
            self.now_h += random.between(24, 200);
            let reason = random.one_of(&["价格", "已购竞品", "无购车意向", "无法接通"]);
            self.at_store("lead_defeated", json!({ "defeat_reason": reason }));
        }
    }

    /// Three years with the car.
    fn own(&mut self, random: &mut Random, order: &str) {
        let vin = self.vin();
        self.at_store(
            "delivery_completed",
            json!({ "order_id": order, "vin": vin, "satisfaction": random.between(3, 5) }),
        );
        let bought_h = self.now_h;
        for (year, month) in [(0, 6), (1, 0), (2, 0), (3, 0)] {
            if self.story.decides(random.percent(chances::COMES_FOR_SERVICE), Story::comes_for_service) {
                self.now_h = bought_h + (year * 365 + month * 30) * DAY_H + random.between(0, 20) * DAY_H;
                let km = (year * 12 + month) * 1_100 + random.between(0, 900);
                let kind = if year == 0 { "first" } else { "maintenance" };
                let service = json!({ "type": kind, "km": km, "amount": 680, "order_id": order, "vin": vin });
                self.at_store("service_completed", service);
            }
            if month == 0 {
                self.renew(random, bought_h + (year * 365 - 60) * DAY_H, &vin);
            }
        }
        if random.percent(chances::VALUES_CAR) {
            self.now_h = self.now_h.max(bought_h + 3 * 365 * DAY_H);
            let valued = json!({ "vin": vin, "mileage": 38_000, "provider": "demo", "low": 88_000, "high": 96_000 });
            self.at_store("tradein_valuated", valued);
        }
    }

    fn renew(&mut self, random: &mut Random, at_h: u64, vin: &str) {
        self.now_h = self.now_h.max(at_h);
        self.at_store("insurance_expiring", json!({ "vin": vin, "insurer": "示例保险 (demo)", "premium": 4_200 }));
        if random.percent(chances::RENEWS) {
            self.now_h += random.between(3, 40) * DAY_H;
            self.at_store("insurance_renewed", json!({ "vin": vin, "insurer": "示例保险 (demo)", "premium": 3_900 }));
        }
    }
}
