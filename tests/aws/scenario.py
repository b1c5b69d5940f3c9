"""One story of a dealer group's customers, played over HTTP: by the Segment SDK what they do, by the API what people
and journeys do with them. It runs on any installation, and ends in the same customers on each.

Every step waits until what it set off is there, so nothing depends on how fast an installation is: what follows comes
under the same identifier (which keeps its order) or after what came before was seen. All definitions are
published before the first event: another process of the installation may not know a later one for some seconds.
"""

import datetime

from api import Api, Failed, check, eventually, request
from canonical import pages, tenant
from segment.analytics.client import Client

PATIENCE_S = 60
USERS = [f"u-{n}" for n in range(1, 10)]


class World:
    """An installation with a tenant that is new: how it is spoken to, and what was defined there."""

    def __init__(self, name, url, made, nudge=None):
        self.name, self.api, self.write_key = name, Api(url, made["admin_key"]), made["write_key"]
        # Pages and apps have the write key; the tenant's own server, whose word about logins counts, a secret one.
        self.client, self.server = (Client(made[key], host=url, sync_mode=True) for key in ("write_key", "admin_key"))
        # Does at once what the installation would do by itself within the minute.
        self.nudge = nudge or (lambda: None)
        self.segments, self.journeys = {}, {}

    def until(self, text, probe):
        """Waits for something to be true of this installation."""

        def nudged():
            try:
                found = probe()
            except Failed:
                self.nudge()
                raise
            if not found:
                self.nudge()
            return found

        return eventually(f"{self.name}: {text}", nudged, PATIENCE_S)

    def profile_id(self, user):
        """The customer who has the user id, as soon as there is one."""
        return self.until(f"{user} is found", lambda: self.api.find("userId", user))

    def profile(self, user):
        """The same, as a whole."""
        return self.api.profile(self.profile_id(user))

    def came(self, user, count):
        """Waits until so many events are counted, and stand in the timeline."""

        def there():
            profile_id = self.api.find("userId", user)
            if not profile_id:
                return False
            found = self.api.profile(profile_id)["events"], len(self.api.events(profile_id))
            if found != (count, count):
                raise Failed(f"counted and in the timeline: {found}")
            return True

        self.until(f"{count} events of {user}", there)

    def story(self):
        """What there is to tell of the tenant now."""
        return tenant(self.api, USERS, self.segments, self.journeys)


def play(world):
    """The whole story."""
    for step in (definitions, first_touches, known_by_another_name, logins, words_about_contact, segments_and_journeys,
                 by_hand, refused, twice, one_person_after_all, late):
        step(world)
    return world


def definitions(world):
    """Two segments and two journeys, before anybody comes."""
    looked = {"event": "model_viewed", "count": {"op": "gte", "value": 2}, "within_days": 14}
    ready = {"all": [{"tag": "hot"}, {"trait": "budget", "op": "gte", "value": 200000}]}
    for name, condition in (("looked twice", looked), ("ready", ready)):
        world.segments[name] = world.api.publish_segment({"name": name, "condition": condition})
    pause = {"type": "wait", "duration": "PT2S", "next": "tell"}
    over = {"type": "exit"}
    invited = {"type": "send", "channel": "recording", "purpose": "marketing",
               "content": {"text": "Come for a drive, {{ traits.name }}"}, "next": "mark"}
    mark = {"type": "set_tag", "tag": "invited", "value": "yes", "next": "over"}
    told = {"type": "send", "channel": "recording", "purpose": "service",
            "content": {"text": "{{ traits.name }} wants {{ entry.series }}"}, "next": "over"}
    entry = {"segment": world.segments["looked twice"], "edge": "enter"}
    for name, entry, nodes in (
        ("invitation", entry, {"pause": pause, "tell": invited, "mark": mark, "over": over}),
        ("test drive", {"event": "test_drive_booked"}, {"pause": pause, "tell": told, "over": over}),
    ):
        definition = {"entry": entry, "reentry": "once", "start": "pause", "nodes": nodes}
        world.journeys[name] = world.api.publish_journey({"name": name, "definition": definition})
    world.until("the past is counted", lambda: all(counted(world, one) for one in world.segments.values()))


def counted(world, segment):
    """Whether a segment needs no look back, or it is over."""
    backfill = world.api.expect(200, "GET", f"/v1/segments/{segment}/stats")["backfill"]
    return backfill is None or backfill["done"]


def first_touches(world):
    """Visitors nobody knows; two of them say who they are."""
    client = world.client
    client.page(anonymous_id="a-1", name="Home")
    client.track(anonymous_id="a-1", event="brochure_requested", properties={"series": "R1"})
    client.identify("u-1", {"name": "Test Person", "phone": "13800000001", "city": "Testville"}, anonymous_id="a-1")
    world.came("u-1", 3)
    client.identify("u-2", {"name": "Test Person", "email": "two@example.test", "budget": 150000})
    client.screen("u-2", name="Prices")
    client.group("u-2", "g-1", {"name": "Test Fleet"})
    world.came("u-2", 3)


def known_by_another_name(world):
    """Aliases, of a visitor and of a known customer, and a visitor who becomes a customer that was there already."""
    client = world.client
    client.track(anonymous_id="a-2", event="store_visited", properties={"store": "s-1"})
    world.until("the visitor is somebody", lambda: world.api.find("anonymousId", "a-2"))
    client.alias("a-2", "u-2", context={"roadbook": {"previous_kind": "anonymousId"}})
    world.came("u-2", 5)
    client.identify("u-2-former", {"city": "Oldtown", "budget": 100000})
    client.track("u-2-former", "price_asked")
    world.came("u-2-former", 2)
    client.alias("u-2-former", "u-2")
    world.came("u-2", 8)
    check(world.profile("u-2")["merged_from"], f"{world.name}: an alias made one of two")
    client.track(anonymous_id="a-3", event="model_viewed", properties={"series": "R3"})
    client.identify("u-1", {"city": "Newtown"}, anonymous_id="a-3")
    world.came("u-1", 5)


def logins(world):
    """Two known customers are met in one event: a suggestion, until a login that the tenant's server saw makes them one."""
    client = world.client
    openid = {"kind": "openid", "scope": "wx-sim-app", "value": "oTESTopenid00000000000000003"}
    unionid = {"kind": "unionid", "value": "oTESTunionid0000000000000003"}
    carried = lambda *identifiers, **more: {"roadbook": {"identifiers": list(identifiers), **more}}  # noqa: E731
    client.identify("u-3", {"name": "Test Person"}, context=carried(unionid))
    world.came("u-3", 1)
    client.track(anonymous_id="a-4", event="mini_program_opened", context=carried(openid))
    world.until("the mini-program's user is somebody", lambda: world.api.find("anonymousId", "a-4"))
    client.track("u-3", "mini_program_opened", context=carried(openid, unionid))
    world.came("u-3", 2)
    world.until("one merge is suggested", lambda: len(pages(world.api, "/v1/identity/conflicts")) == 1)
    world.server.track("u-3", "login", context=carried(openid, unionid, evidence={"openid": "login", "unionid": "login"}))
    world.came("u-3", 4)
    check(world.api.find("anonymousId", "a-4") == world.profile_id("u-3"), f"{world.name}: a login made one of two")
    # A second account with a known phone is another person until somebody decides.
    client.identify("u-4", {"name": "Test Person", "phone": "13800000001"})
    world.came("u-4", 1)


def words_about_contact(world):
    """Consent given, given and withdrawn, and not given."""
    word = {"purpose": "marketing", "text_version": "2", "evidence": {"source": "form", "reference": "f-1"}}
    for user, verdicts in (("u-1", ["granted"]), ("u-2", ["granted", "withdrawn"])):
        for verdict in verdicts:
            path = f"/v1/profiles/{world.profile_id(user)}/consents"
            answered(world, "POST", path, {**word, "verdict": verdict})
    path = f"/v1/profiles/{world.profile_id('u-3')}/consents"
    answered(world, "POST", path, {"purpose": "service", "verdict": "withdrawn", "channel": "wecom_seller"})


def answered(world, method, path, body=None):
    """A command that must be carried out."""
    status, answer = world.api.call(method, path, body)
    if status not in (200, 201, 202, 204):
        raise Failed(f"{world.name}: {method} {path} answered {status}: {answer}")
    return answer


def segments_and_journeys(world):
    """Three look twice; one may be written to, one took it back, one never said. One books a drive."""
    client = world.client
    for user in ("u-1", "u-2", "u-4"):
        before = world.profile(user)["events"]
        for series in ("R1", "R3"):
            client.track(user, "model_viewed", {"series": series})
        world.came(user, before + 2)
    over = lambda name: world.api.journey_stats(world.journeys[name])["completed"]  # noqa: E731
    world.until("three went through the invitation", lambda: over("invitation") == 3)
    for user in ("u-1", "u-2", "u-4"):
        world.until(f"{user} has no message under way", lambda user=user: told_of_all(world.profile(user)))
    client.track("u-1", "test_drive_booked", {"series": "R1"})
    world.until("one was served", lambda: over("test drive") == 1 and told_of_all(world.profile("u-1")))


def told_of_all(profile):
    """Whether it is known of every message what became of it."""
    return all(send["status"]["is"] != "intended" for send in profile["sends"])


def by_hand(world):
    """A tag set and cleared by hand; the segment it decides is entered and left."""
    client, ready = world.client, world.segments["ready"]
    before = world.profile("u-2")["events"]
    client.identify("u-5", {"budget": 300000})
    client.identify("u-2", {"budget": 250000})
    world.came("u-5", 1)
    world.came("u-2", before + 1)
    for user in ("u-5", "u-2", "u-1"):
        answered(world, "PUT", f"/v1/profiles/{world.profile_id(user)}/tags/hot", {"value": "H"})
    for user in ("u-5", "u-2"):
        world.until(f"{user} is ready", lambda user=user: world.api.in_segment(world.profile_id(user), ready))
    answered(world, "DELETE", f"/v1/profiles/{world.profile_id('u-5')}/tags/hot")
    client.identify("u-2", {"budget": 90000})
    for user in ("u-5", "u-2"):
        world.until(f"{user} left", lambda user=user: not world.api.in_segment(world.profile_id(user), ready))
    world.came("u-2", before + 2)
    members = lambda: world.api.expect(200, "GET", f"/v1/segments/{ready}/stats")["members"]  # noqa: E731
    world.until("nobody is ready", lambda: members() == 0)


def refused(world):
    """Events that cannot be read, beside one that can; one is corrected and sent again."""
    soon = (datetime.datetime.now(datetime.UTC)).isoformat()
    batch = [
        {"type": "track", "userId": "u-6", "messageId": "good", "event": "seen", "timestamp": soon},
        {"type": "track", "userId": "u-6", "messageId": "nameless"},
        {"type": "track", "userId": "u-6", "messageId": "when", "event": "seen", "timestamp": "at noon"},
        {"type": "track", "messageId": "nobody", "event": "seen"},
        {"type": "dance", "userId": "u-6", "messageId": "dance"},
    ]
    headers = {"Authorization": f"Bearer {world.write_key}"}
    status, answer = request("POST", f"{world.api.url}/v1/batch", {"batch": batch}, headers)
    if status != 200:
        raise Failed(f"{world.name}: a batch with bad events answered {status}: {answer}")
    letters = lambda: pages(world.api, "/v1/dead-letters")  # noqa: E731
    world.until("four are dead letters", lambda: len(letters()) == 4)
    world.came("u-6", 1)
    nameless = next(one for one in letters() if one["message_id"] == "nameless")
    corrected = {"type": "track", "userId": "u-6", "messageId": "nameless", "event": "mended"}
    path = f"/v1/dead-letters/{nameless['id']}"
    answered(world, "PUT", path, corrected)
    answered(world, "POST", f"{path}/replay")
    world.came("u-6", 2)


def twice(world):
    """The same messages again: by the SDK, in one batch, in another one, and after others."""
    client = world.client
    for _ in range(3):
        client.track("u-7", "price_asked", message_id="asked")
    one = {"type": "track", "userId": "u-7", "messageId": "again", "event": "price_asked"}
    headers = {"Authorization": f"Bearer {world.write_key}"}
    for _ in range(2):
        request("POST", f"{world.api.url}/v1/batch", {"batch": [one, one]}, headers)
    client.track("u-7", "left")
    client.track("u-7", "price_asked", message_id="asked")
    client.track("u-7", "came_back")
    world.came("u-7", 4)


def one_person_after_all(world):
    """Two are merged by hand, both go on under their own names, and are two again."""
    client = world.client
    for user, city in (("u-8", "Eighton"), ("u-9", "Nineham")):
        client.identify(user, {"city": city, f"only_{user[2:]}": True})
        client.track(user, "model_viewed", {"series": "R1"})
        world.came(user, 2)
    eight, nine = world.profile_id("u-8"), world.profile_id("u-9")
    preview = answered(world, "POST", "/v1/identity/merge/preview", {"customers": [eight, nine]})
    check(preview, f"{world.name}: the merge is previewed")
    stays = answered(world, "POST", "/v1/identity/merge", {"customers": [eight, nine]})["id"]
    check(stays == eight, f"{world.name}: the elder one stays")
    client.track("u-8", "offer_opened")
    client.track("u-9", "offer_opened")
    world.came("u-9", 6)
    answered(world, "POST", "/v1/identity/unmerge", {"customer": eight, "restore": nine})
    world.came("u-8", 3)
    world.came("u-9", 3)
    client.track("u-9", "back_to_self")
    world.came("u-9", 4)


def late(world):
    """An event of last week, and one that its producer dates in the future."""
    now, before = datetime.datetime.now(datetime.UTC), world.profile("u-1")["events"]
    world.client.track("u-1", "store_visited", timestamp=now - datetime.timedelta(days=7))
    world.came("u-1", before + 1)
    world.client.track("u-1", "clock_ahead", timestamp=now + datetime.timedelta(hours=3))
    world.came("u-1", before + 2)
