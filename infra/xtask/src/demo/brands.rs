//! The two car makers of the demo. Everything about them is made up, and says so in its name.

/// One car maker: a tenant with its stores, its sellers and its own accounts on the simulated platform.
pub struct Brand {
    /// Its word in ids: user ids, message ids, logins.
    pub code: &'static str,
    /// What people call it; the name of the tenant.
    pub name: &'static str,
    /// Its cars.
    pub series: &'static [&'static str],
    /// Its stores; customers are spread over them.
    pub stores: &'static [Store],
    /// Its WeCom corporation on the simulated platform, and the number of its app.
    pub corp: &'static str,
    /// The number of the app in that corporation.
    pub agent: u32,
    /// Its mini-program on the simulated platform.
    pub appid: &'static str,
    /// The digit that its VINs have in common.
    pub digit: u64,
}

/// A store (4S 店).
pub struct Store {
    /// Its code, as events name it.
    pub code: &'static str,
    /// Where it lies in the organisation: group, brand, region, area, store.
    pub place: &'static str,
    /// Where its customers live.
    pub city: &'static str,
    /// Who sells there: userids in WeCom.
    pub sellers: &'static [&'static str],
}

/// The template of the subscribe message, in both mini-programs.
pub const TEMPLATE: &str = "tpl-invitation";

/// Both.
pub const BRANDS: [Brand; 2] = [
    Brand {
        code: "polaris",
        name: "星途汽车示例 Polaris Motors (demo)",
        series: &["P1", "P3", "P5"],
        stores: &[
            Store {
                code: "4S001",
                place: "/polaris/brand/east/sh/4S001",
                city: "上海",
                sellers: &["seller-lin", "seller-gao"],
            },
            Store { code: "4S002", place: "/polaris/brand/east/hz/4S002", city: "杭州", sellers: &["seller-wei"] },
            Store { code: "4S003", place: "/polaris/brand/west/cd/4S003", city: "成都", sellers: &["seller-luo"] },
        ],
        corp: "ww-demo-polaris",
        agent: 1_000_011,
        appid: "wx-demo-polaris",
        digit: 1,
    },
    Brand {
        code: "farhill",
        name: "远山汽车示例 Farhill Auto (demo)",
        series: &["F10", "F20", "F30"],
        stores: &[
            Store { code: "4S101", place: "/farhill/brand/south/gz/4S101", city: "广州", sellers: &["seller-he"] },
            Store { code: "4S102", place: "/farhill/brand/middle/wh/4S102", city: "武汉", sellers: &["seller-du"] },
        ],
        corp: "ww-demo-farhill",
        agent: 1_000_012,
        appid: "wx-demo-farhill",
        digit: 2,
    },
];

impl Brand {
    /// The secret of its corporation's app: made up, like everything here.
    pub fn corp_secret(&self) -> String {
        format!("{}-corp-secret", self.code)
    }

    /// The secret of its mini-program.
    pub fn app_secret(&self) -> String {
        format!("{}-app-secret", self.code)
    }
}
