//! Every sentence an explanation can say, in Chinese and English. Nothing is worded anywhere else.
//!
//! A text has places in braces; both languages have the same ones. Days and times are those of Asia/Shanghai.

use roadbook_kernel::{HOUR_MS, Moment};
use roadbook_wire::time::write;
use serde::Serialize;

/// A sentence, or a part of one, in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Said {
    pub(super) zh: String,
    pub(super) en: String,
}

macro_rules! texts {
    ($($name:ident = $zh:literal $en:literal;)*) => {
        /// One text.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Text { $($name,)* }

        impl Text {
            /// All, so that a test can hold the languages against each other.
            #[cfg(test)]
            const ALL: &[Text] = &[$(Text::$name),*];

            const fn words(self) -> (&'static str, &'static str) {
                match self { $(Text::$name => ($zh, $en),)* }
            }
        }
    };
}

texts! {
    // Segments.
    SegmentIn = "在分群「{segment}」中，自 {since}起。{why}" "In the segment “{segment}” since {since}. {why}";
    SegmentOut = "不在分群「{segment}」中。{why}" "Not in the segment “{segment}”. {why}";
    SegmentDraft = "分群「{segment}」尚未发布，没有人在其中" "The segment “{segment}” is not published; nobody is in it";
    SegmentArchived = "分群「{segment}」已归档，没有人在其中" "The segment “{segment}” is retired; nobody is in it";
    SegmentUnjudged = "条件现在{holds}，但系统尚未对该客户重新判断" "The condition {holds} now, but it has not been judged again for this customer yet";
    Holds = "成立" "holds";
    DoesNotHold = "不成立" "does not hold";

    // What is there, and what is asked.
    Met = "符合：{have}（要求：{need}）" "Met: {have} (asked: {need})";
    NotMet = "不符合：{have}（要求：{need}）" "Not met: {have} (asked: {need})";
    NotAsked = "{text}，且条件要求相反" "{text}; the condition asks for the opposite";
    HaveTrait = "属性 {key} 为 {value}" "the trait {key} is {value}";
    HaveNoTrait = "属性 {key} 未知" "the trait {key} is unknown";
    HaveTag = "有标签 {key}" "has the tag {key}";
    HaveTagValue = "标签 {key} 为 {value}" "the tag {key} is {value}";
    HaveNoTag = "没有标签 {key}" "lacks the tag {key}";
    HaveInSegment = "在分群「{segment}」中" "is in the segment “{segment}”";
    HaveNotInSegment = "不在分群「{segment}」中" "is not in the segment “{segment}”";
    NeedSegment = "在该分群中" "being in it";
    HaveCount = "“{event}”{window}发生了 {count} 次" "“{event}” happened {count} times {window}";
    HaveCountOrMore = "“{event}”{window}至少发生了 {count} 次" "“{event}” happened at least {count} times {window}";
    Ever = "至今" "so far";
    InTheLast = "在过去 {span}内" "in the last {span}";
    HaveLast = "“{event}”最近一次发生在 {at}" "“{event}” last happened on {at}";
    HaveNever = "“{event}”从未发生" "“{event}” never happened";
    MoreThanAgo = "早于 {span}之前" "more than {span} ago";
    Days = "{count} 天" "{count} days";
    Hours = "{count} 小时" "{count} hours";
    Minutes = "{count} 分钟" "{count} minutes";
    HaveStage = "处于阶段「{stage}」" "stands at the stage “{stage}”";
    HaveNoStage = "阶段未知" "the stage is not known";
    HaveAipl = "AIPL 为「{stage}」" "the AIPL level is “{stage}”";
    OneOf = "为 {list} 之一" "one of {list}";
    HaveRunning = "正在旅程「{journey}」中" "is in the journey “{journey}” now";
    HaveNotRunning = "现在不在旅程「{journey}」中" "is not in the journey “{journey}” now";
    HaveNeverEntered = "从未进入旅程「{journey}」" "never entered the journey “{journey}”";
    HaveEntered = "曾进入旅程「{journey}」" "has entered the journey “{journey}”";
    HaveOutcome = "旅程「{journey}」最近一次以此结束于 {at}" "the journey “{journey}” last ended so on {at}";
    HaveNoOutcome = "旅程「{journey}」从未以此结束" "the journey “{journey}” never ended so";
    HaveVehicles = "名下车辆：{list}" "has these cars: {list}";
    HaveNoVehicle = "名下没有车辆" "has no car";
    NeedVehicle = "有一辆符合条件的车" "a car that passes";
    HaveConsent = "{purpose}授权：{state}" "consent for {purpose}: {state}";
    NotSupported = "条件中有尚不支持的部分，因此从不成立" "a part of the condition cannot be evaluated yet, so it never holds";

    // Sends.
    Sent = "已发送：{channel}于 {at}送达服务商" "Sent: the provider of {channel} took it on {at}";
    HandedOver = "已交给销售：等待其确认群发任务" "Handed over: a seller has to confirm the task";
    Waiting = "尚无结果：消息正在发往{channel}" "No outcome yet: the message is on its way by {channel}";
    NotSentWithdrawn = "未发送：客户于 {day}撤回{purpose}授权" "Not sent: the customer withdrew consent for {purpose} on {day}";
    NotSentNotGranted = "未发送：客户没有授予{purpose}授权" "Not sent: the customer has not granted consent for {purpose}";
    NotSentNoAddress = "未发送：没有{channel}可用的地址" "Not sent: there is no address for {channel}";
    NotSentNoGrant = "未发送：订阅消息的授权次数已用完" "Not sent: no grant for this subscribe message is left";
    NotSentUnmerged = "未发送：当时该客户与他人被合并，拆分后已过时" "Not sent: the customer counted as somebody else then; after the unmerge it was too late";
    NotSentRefused = "未发送：销售或平台拒绝（{reason}）" "Not sent: the seller or the platform declined ({reason})";
    NotSentExpired = "未发送：销售没有在期限内确认" "Not sent: the seller did not confirm in time";
    NotSentFailed = "未发送：服务商报错（{reason}）" "Not sent: the provider failed ({reason})";
    NotKnown = "结果未知：服务商没有给出明确答复（{reason}），不会重发" "Unknown: the provider gave no clear answer ({reason}); it is not sent again";
    AskedBy = "旅程「{journey}」的节点 {node} 于 {at}要求发送" "The node {node} of the journey “{journey}” asked for it on {at}";
    BeganWithEvent = "该旅程因“{event}”于 {at}开始" "The journey began with “{event}” on {at}";
    BeganWithSegment = "该旅程因分群变化于 {at}开始" "The journey began with a change of segments on {at}";
    BeganLongAgo = "该旅程开始得太早，这里不再查找" "The journey began too long ago to be looked up here";
    ConsentGranted = "当时{purpose}已授权（{day}）" "Consent for {purpose} was granted (on {day})";
    ConsentWithdrawn = "当时{purpose}授权已撤回（{day}）" "Consent for {purpose} was withdrawn (on {day})";
    ConsentUnsaid = "当时客户没有对{purpose}表态，默认{open}" "Nothing had been said about {purpose}, which is {open} by default";
    Open = "允许" "allowed";
    Closed = "不允许" "not allowed";
    AddressFound = "有{channel}可用的地址" "There was an address for {channel}";
    AddressMissing = "没有{channel}可用的地址" "There was no address for {channel}";
    GrantUsed = "使用了一次订阅授权，现在还剩 {count} 次" "It used one grant of the subscribe message; {count} are left now";
    GrantMissing = "没有剩余的订阅授权次数" "No grant of the subscribe message was left";

    // Journeys.
    JourneyReady = "在旅程「{journey}」中，正处理节点 {node}" "In the journey “{journey}”, at the node {node}";
    JourneyWaits = "在旅程「{journey}」中，停在节点 {node}，等到 {until}" "In the journey “{journey}”, waiting at the node {node} until {until}";
    JourneyListens = "在旅程「{journey}」中，在节点 {node} 等待事件，最迟到 {until}" "In the journey “{journey}”, listening at the node {node} until {until} at the latest";
    JourneyDraft = "旅程「{journey}」尚未发布，没有人能进入" "The journey “{journey}” is not published; nobody can enter";
    JourneyArchived = "旅程「{journey}」已归档，没有人能进入" "The journey “{journey}” is retired; nobody can enter";
    JourneyPaused = "旅程「{journey}」自 {since}起暂停：其中的客户停在原处，也没有人能进入" "The journey “{journey}” is paused since {since}: those inside stand still, and nobody can enter";
    JourneyOver = "不在旅程「{journey}」中：最近一次于 {entered}进入，已结束" "Not in the journey “{journey}”: the last passage began on {entered} and is over";
    JourneyNeverEvent = "未进入旅程「{journey}」：入口事件“{event}”从未发生" "Never entered the journey “{journey}”: its entry event “{event}” never happened";
    JourneyNotSeenEvent = "未进入旅程「{journey}」：最近的记录中没有入口事件“{event}”" "Never entered the journey “{journey}”: there is no entry event “{event}” among the newest records";
    JourneyFiltered = "未进入旅程「{journey}」：“{event}”于 {at}发生，但不符合入口的筛选条件" "Never entered the journey “{journey}”: “{event}” happened on {at}, but did not pass the filters of the entry";
    JourneyNotThen = "未进入旅程「{journey}」：“{event}”于 {at}发生时该旅程的这一版本尚未生效" "Never entered the journey “{journey}”: when “{event}” happened on {at}, this revision of it was not in force yet";
    JourneyNotInSegment = "未进入旅程「{journey}」：客户从未进入入口分群「{segment}」" "Never entered the journey “{journey}”: the customer has not entered its segment “{segment}”";
    JourneyInSegmentBefore = "未进入旅程「{journey}」：客户自 {since}已在入口分群「{segment}」中，之后没有再次进入" "Never entered the journey “{journey}”: the customer has been in its segment “{segment}” since {since} and has not entered it again";
    JourneyNotLeft = "未进入旅程「{journey}」：客户没有离开入口分群「{segment}」" "Never entered the journey “{journey}”: the customer has not left its segment “{segment}”";
    PassageEntered = "于 {at}进入（第 {revision} 版）" "Entered on {at} (revision {revision})";
    PassagesBefore = "共进入 {count} 次，最近一次于 {at}" "Entered {count} times, the last time on {at}";
    PassageEnded = "最近一次{how}于 {at}" "The last {how}: {at}";
    EndedCompleted = "走完" "completion";
    EndedGoal = "达成目标" "goal reached";
    EndedExited = "提前退出" "early exit";
    EndedArchived = "因旅程归档而结束" "end with the journey itself";
    EndedSuperseded = "被另一次取代" "passage given up for another";
    MayNotAgain = "规则：一生只进入一次" "The rule: once in a life";
    MayAgain = "规则：结束后可再次进入" "The rule: again after the end of the former passage";
    MayAgainFrom = "规则：{at}起可再次进入" "The rule: again from {at} on";
    NeedEvent = "发生“{event}”" "“{event}” happens";
    NeedEnter = "进入分群「{segment}」" "entering the segment “{segment}”";
    NeedLeave = "离开分群「{segment}」" "leaving the segment “{segment}”";

    // Words.
    PurposeService = "服务" "service";
    PurposeMarketing = "营销" "marketing";
    PurposePersonalisation = "个性化推荐" "personalisation";
    PurposeDealerSharing = "向经销商提供信息" "sharing with dealers";
    ChannelSeller = "企业微信员工消息" "WeCom seller messages";
    ChannelGroupTask = "企业微信群发任务" "WeCom group tasks";
    ChannelSubscribe = "小程序订阅消息" "mini-program subscribe messages";
    ChannelRecording = "记录渠道" "the recording channel";
    StateGranted = "已授权" "granted";
    StateWithdrawn = "已撤回" "withdrawn";
    StateUnknown = "未表态" "nothing said";
}

/// Words of the operators of conditions.
const OPERATORS: &[(&str, &str, &str)] = &[
    ("eq", "等于", "equal to"),
    ("ne", "不等于", "other than"),
    ("gt", "多于", "more than"),
    ("gte", "至少", "at least"),
    ("lt", "少于", "less than"),
    ("lte", "至多", "at most"),
    ("in", "属于", "one of"),
    ("not_in", "不属于", "none of"),
    ("exists", "已知", "known"),
    ("not_exists", "未知", "unknown"),
    ("contains", "包含", "containing"),
    ("starts_with", "开头为", "beginning with"),
    ("before", "早于", "before"),
    ("after", "晚于", "after"),
    ("within_last_days", "在过去这么多天内", "within the last days:"),
    ("within_next_days", "在未来这么多天内", "within the next days:"),
    ("older_than_days", "早于这么多天前", "more days ago than"),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// China has one time zone and no summer time.
const SHANGHAI_MS: i64 = 8 * HOUR_MS;

impl Said {
    /// The same in both languages.
    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    pub(super) fn both(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }

    /// Several, one after another.
    pub(super) fn list(parts: impl IntoIterator<Item = Said>, between: (&str, &str)) -> Self {
        let (zh, en): (Vec<String>, Vec<String>) = parts.into_iter().map(|said| (said.zh, said.en)).unzip();
        Self { zh: zh.join(between.0), en: en.join(between.1) }
    }
}

/// Fills the places of a text.
pub(super) fn say(text: Text, places: &[(&str, Said)]) -> Said {
    let (zh, en) = text.words();
    let mut said = Said::both(zh, en);
    for (name, value) in places {
        let place = format!("{{{name}}}");
        said.zh = said.zh.replace(&place, &value.zh);
        said.en = said.en.replace(&place, &value.en);
    }
    said
}

/// A day, as people write it.
pub(super) fn day(at: Moment) -> Said {
    let (date, _) = local(at);
    match date {
        Some((year, month, day)) => Said {
            zh: format!("{year} 年 {month} 月 {day} 日"),
            en: format!("{day} {} {year}", MONTHS[usize::from(month - 1)]),
        },
        None => Said::same(write(at)),
    }
}

/// A day and the minute of it.
pub(super) fn minute(at: Moment) -> Said {
    let (Said { zh, en }, (_, clock)) = (day(at), local(at));
    // A blank behind the clock: what follows is a word.
    Said { zh: format!("{zh} {clock} "), en: format!("{en} {clock}") }
}

/// Year, month and day in Shanghai, where they have four digits, and the clock.
fn local(at: Moment) -> (Option<(u16, u8, u8)>, String) {
    let text = write(at.plus_ms(SHANGHAI_MS));
    let mut numbers = text.get(..10).unwrap_or_default().split('-');
    let (year, month, day) = (numbers.next(), numbers.next(), numbers.next());
    let date = year.and_then(|year| year.parse().ok()).zip(month.and_then(|month| month.parse().ok()));
    let date = date.zip(day.and_then(|day| day.parse().ok())).map(|((year, month), day)| (year, month, day));
    let clock = text.get(11..16).unwrap_or_default().to_owned();
    (date.filter(|(_, month, _)| (1..=12).contains(month)), clock)
}

/// The words of an operator.
pub(super) fn operator(word: &str) -> Said {
    let row = OPERATORS.iter().find(|(known, ..)| *known == word);
    row.map_or_else(|| Said::same(word), |(_, zh, en)| Said::both(zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn both_languages_have_the_same_places() {
        for text in Text::ALL {
            let (zh, en) = text.words();
            assert_eq!(places(zh), places(en), "{text:?}");
            assert!(!zh.is_empty() && !en.is_empty());
        }
    }

    #[test]
    fn days_are_those_of_shanghai() {
        // 2026-03-01T16:30:00Z is half past midnight on the 2nd there.
        let at = Moment::from_millis(1_772_382_600_000);
        assert_eq!(day(at), Said::both("2026 年 3 月 2 日", "2 March 2026"));
        assert_eq!(minute(at), Said::both("2026 年 3 月 2 日 00:30 ", "2 March 2026 00:30"));
        for at in [Moment::MIN, Moment::MAX, Moment::from_millis(-62_200_000_000_000)] {
            assert!(!minute(at).zh.is_empty());
        }
    }

    #[test]
    fn every_operator_of_the_language_has_words() {
        for comparison in roadbook_audience::Comparison::ALL {
            assert_ne!(operator(comparison.word()).zh, comparison.word());
        }
    }
}
