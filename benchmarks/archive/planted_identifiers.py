"""Report texts with planted identifiers of twelve kinds, written for the measurement and used for nothing else."""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KINDS", "Planted", "planted_texts"]

KINDS = (
    *("patient name", "doctor's name", "signature", "hospital", "telephone", "e-mail", "record number", "date"),
    *("address", "national number", "age over 89", "accession number"),
)

_NAMES = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
_GIVEN, _FAMILY, _CYRILLIC, _GREEK = (_NAMES[script] for script in ("given", "family", "cyrillic", "greek"))
_BEFORE = (
    "The lungs are clear.",
    "Heart size is normal.",
    "There is a small left pleural effusion.",
    "No pneumothorax.",
    "",
)
_AFTER = ("No acute disease.", "Stable cardiomegaly.", "Recommend follow-up.", "", "The mediastinum is unremarkable.")
_TOWNS = (
    "Köln",
    "Tübingen",
    "Łódź",
    "Besançon",
    "Málaga",
    "Århus",
    "Zürich",
    "Ørsted",
    "Plzeň",
    "Saint-Étienne",
    "Córdoba",
)
_MONTHS = ("March", "Mar", "May", "December", "Sept", "OCT")
_FOREIGN_MONTHS = ("März", "mars", "marzo", "października", "марта", "Μαρτίου", "février", "Dezember", "agosto")


@dataclass(frozen=True)
class Planted:
    """One text.

    Attributes:
        kind: of :data:`KINDS`.
        text: with the identifier in it.
        secrets: its words, each of which must go.
        rest: the words of the text that must stay.
    """

    kind: str
    text: str
    secrets: tuple[str, ...]
    rest: tuple[str, ...]


def planted_texts(count: int, seed: int) -> Iterator[Planted]:
    """Texts with one identifier each, all kinds in turn."""
    rng = random.Random(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        before, after = rng.choice(_BEFORE), rng.choice(_AFTER)
        line, secrets = _MAKERS[kind](rng)
        gap = "\n" if kind == "signature" else " "
        yield Planted(kind, f"{before}{gap}{line}{gap}{after}".strip(), secrets, (*before.split(), *after.split()))


def _name(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    script = rng.random()
    if script < 0.12:
        name = rng.choice(_CYRILLIC)
    elif script < 0.24:
        name = rng.choice(_GREEK)
    else:
        given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
        name = rng.choice(
            (
                family,
                f"{given} {family}",
                f"{given[0]}. {family}",
                f"{given} {rng.choice('ABKMR')}. {family}",
                f"{given} {family}".upper(),
            )
        )
    return name, _words(name)


def _words(name: str) -> tuple[str, ...]:
    return tuple(part.strip(".,") for part in name.replace("-", " ").split() if len(part.strip(".,")) > 3)


def _patient(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    name, secrets = _name(rng)
    forms = (
        "Patient: {}.",
        "Patient name: {}",
        "Mr. {} has a cough.",
        "Mrs {} was examined.",
        "Name: {}",
        "Herr {} hustet.",
        "Frau {} wurde untersucht.",
        "Sra. {} refiere tos.",
        "Mme {} tousse.",
        "Paciente: {}",
        "Patientin: {}",
        "Пациент: {}",
        "Ασθενής: {}",
        "Ms. {} is short of breath.",
        "Pani {} zgłasza kaszel.",
        "Nom: {}",
        "Mevr. {} hoest.",
        "Dhr. {} hoest.",
    )
    return rng.choice(forms).format(name), secrets


def _doctor(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    name, secrets = _name(rng)
    forms = (
        "Discussed with Dr. {} at 10:15.",
        "Dr. {} was notified.",
        "Prof. Dr. med. {} wurde informiert.",
        "Dra. {} informada.",
        "Referring physician: {}",
        "Überweiser: {}",
        "Findings were communicated to Dr {} by phone.",
        "Called to {}, RN.",
        "Dott. {} ha visto.",
        "Dr. h.c. {} consulted.",
        "Врач: {}",
        "Ιατρός: {}",
        "Seen by Doctor {}.",
        "Médecin: {}",
        "Professor {} agrees.",
        "Oberarzt {} informiert.",
        "Radiologist: {}",
        "Attending: Dr. {}",
        "discussed with {} on the ward.",
    )
    return rng.choice(forms).format(name), secrets


def _signature(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    name = f"{given} {family}"
    forms = (
        "Dictated by {}.",
        "Electronically signed by: {}",
        "{}, MD",
        "{}, M.D., Ph.D.",
        "Gez. {}",
        "Approved by: {}",
        "{} FRCR",
        "Transcribed by {}",
        "Interpreted by: {} MD",
        "Reported by {}",
        "/s/ {}, MD",
        "Verified by {}",
    )
    return rng.choice(forms).format(name), _words(name)


def _hospital(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    town, family = rng.choice(_TOWNS), rng.choice(("Zebrafinch", "Quillon", "Ørsted", "Königin Luise", "Charité-Nord"))
    forms = (
        (f"Transferred from {family} Hospital.", family),
        (f"Film from Universitätsklinik {town}.", town),
        (f"Voraufnahme Klinikum {town}.", town),
        (f"Provient de l'Hôpital {town}.", town),
        (f"CHU de {town}.", town),
        (f"Ospedale {town}, pronto soccorso.", town),
        (f"Szpital {town}.", town),
        (f"Prior film at {family} Medical Center.", family),
        (f"St. {family} Infirmary.", family),
        (f"Krankenhaus {town}.", town),
        (f"Hospital Universitario de {town}.", town),
        (f"Saint {family} General Hospital.", family),
        ("Городская больница им. Боткина.", "Боткина"),
        ("Νοσοκομείο Ευαγγελισμός.", "Ευαγγελισμός"),
        (f"{town} University Hospital.", town),
        (f"The {family} Clinic requested it.", family),
    )
    text, secret = rng.choice(forms)
    return text, _words(secret)


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("123456789") for _ in range(count))


def _telephone(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    d = lambda count: _digits(rng, count)  # noqa: E731
    number = rng.choice(
        (
            f"({d(3)}) {d(3)}-{d(4)}",
            f"+49 {d(3)} {d(4)}-{d(2)}",
            f"0{d(3)}/{d(6)}",
            f"+44 20 {d(4)} {d(4)}",
            f"0{d(1)} {d(2)} {d(2)} {d(2)} {d(2)}",
            f"{d(3)}.{d(3)}.{d(4)}",
            f"+7 {d(3)} {d(3)}-{d(2)}-{d(2)}",
            f"(0{d(2)}) {d(4)} {d(4)}",
            f"{d(3)}-{d(4)}",
            f"020 {d(4)} {d(4)}",
        )
    )
    forms = (
        "Call {} with questions.",
        "Tel. {}",
        "Phone: {}",
        "Telefon {}",
        "Pager {}",
        "Fax: {}",
        "Results phoned to {}.",
        "Тел. {}",
        "Τηλ. {}",
    )
    return rng.choice(forms).format(number), (number,)


def _mail(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    user = rng.choice(("j.doe", "anna_müller", "radiology+chest", "x.y.z", "o'neill", "петров"))
    host = rng.choice(("hospital.example.org", "klinik.example", "mail.nhs.example.uk"))
    return rng.choice(("Mail {} now.", "E-mail: {}", "Send to {}.", "Contact <{}>.")).format(f"{user}@{host}"), (
        host,
        user.split("'")[-1],
    )


def _record(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    number = rng.choice(
        (
            _digits(rng, 8),
            f"A-{_digits(rng, 5)}",
            f"{_digits(rng, 3)}-{_digits(rng, 4)}",
            f"P{_digits(rng, 6)}",
            f"{_digits(rng, 5)}/{_digits(rng, 2)}",
        )
    )
    forms = (
        "MRN: {}",
        "MRN {}",
        "Medical record number {}",
        "Pat.-Nr. {}",
        "Fallnummer: {}",
        "Hospital no. {}",
        "Patient ID: {}",
        "IPP: {}",
        "NHC {}",
        "Chart # {}",
        "Record no: {}",
        "Unit number {}",
        "История болезни № {}",
        "Case number {}",
        "ID: {}",
        "Aufnahmenummer {}",
    )
    return rng.choice(forms).format(number), (number,)


def _date(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    day, month, year = rng.randint(13, 28), rng.randint(1, 12), rng.randint(1990, 2024)
    named, foreign = rng.choice(_MONTHS), rng.choice(_FOREIGN_MONTHS)
    date = rng.choice(
        (
            f"{month}/{day}/{year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{named} {day}, {year}",
            f"{day} {named} {year}",
            f"{day}. {foreign} {year}",
            f"{day} {foreign} {year}",
            f"{day}-{month:02d}-{year}",
            f"{month}/{day}/{year % 100:02d}",
            f"{day:02d}/{month:02d}/{year}",
            f"{named} {year}",
            f"{month:02d}/{year}",
            f"{day}-{named}-{year}",
            f"{year}/{month:02d}/{day:02d}",
            f"{named} {day}th",
            f"{day} de marzo de {year}",
        )
    )
    forms = (
        "Comparison: {}.",
        "Compared with the film of {} there is no change.",
        "DOB {}",
        "Seen on {} already.",
        "Since {} unchanged.",
        "Voraufnahme vom {}.",
    )
    return rng.choice(forms).format(date), (date,)


def _address(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    n = rng.randint(2, 99)
    forms = (
        (f"Lives at {n} Quillon Street.", "Quillon"),
        (f"{n} Old Zebra Road, Springfield, IL 62704", "Zebra"),
        (f"Wohnhaft Kerpener Straße {n}, 50937 Köln", "Kerpener"),
        (f"Wohnt Zebrastraße {n}.", "Zebrastraße"),
        (f"Domicilié {n}, rue de Quillon.", "Quillon"),
        (f"Vive en Calle Mayor {n}.", "Mayor"),
        (f"Via Garibaldi {n}.", "Garibaldi"),
        (f"ul. Długa {n}.", "Długa"),
        (f"ул. Ленина, д. {n}", "Ленина"),
        (f"{n} Mill Lane", "Mill"),
        ("Postal code 50937 Tübingen", "50937"),
        (f"{n}B St. Zebra Avenue", "Zebra"),
        (f"Lindenallee {n}", "Lindenallee"),
        (f"Rua Quillon, {n}", "Quillon"),
    )
    text, secret = rng.choice(forms)
    return text, (secret,)


def _national(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    d = lambda count: _digits(rng, count)  # noqa: E731
    text, number = rng.choice(
        (
            ("SSN {}", f"{d(3)}-{d(2)}-{d(4)}"),
            ("Social security number: {}", f"{d(3)}-{d(2)}-{d(4)}"),
            ("NHS number {}", f"{d(3)} {d(3)} {d(4)}"),
            ("PESEL {}", d(11)),
            ("BSN: {}", d(9)),
            ("AMKA {}", d(11)),
            ("СНИЛС {}", f"{d(3)}-{d(3)}-{d(3)} {d(2)}"),
            ("Versichertennummer A{}", d(9)),
            ("Insurance no. {}", f"XY{d(7)}"),
            ("Medicare {}", f"{d(4)} {d(5)} {d(1)}"),
            ("{}", f"{d(3)}-{d(2)}-{d(4)}"),
        )
    )
    return text.format(number), (number,)


def _old(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    age = str(rng.randint(90, 109))
    forms = (
        "A {}-year-old woman.",
        "{} year old man with cough.",
        "{} y/o female.",
        "{} yo male.",
        "{}-jährige Patientin.",
        "Homme de {} ans.",
        "Mujer de {} años.",
        "{}yo F.",
        "Aged {} years of age.",
    )
    return rng.choice(forms).format(age), (age,)


def _accession(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    number = rng.choice(
        (
            f"XR{_digits(rng, 5)}",
            _digits(rng, 9),
            f"CR-{_digits(rng, 4)}-{_digits(rng, 5)}",
            f"{_digits(rng, 4)}/{_digits(rng, 4)}",
        )
    )
    return rng.choice(
        (
            "Accession # {}",
            "Accession number: {}",
            "Accession no. {}",
            "Order number {}",
            "Study ID {}",
            "Exam ID: {}",
            "Encounter {}",
            "ACCESSION: {}",
        )
    ).format(number), (number,)


_MAKERS = {
    "patient name": _patient,
    "doctor's name": _doctor,
    "signature": _signature,
    "hospital": _hospital,
    "telephone": _telephone,
    "e-mail": _mail,
    "record number": _record,
    "date": _date,
    "address": _address,
    "national number": _national,
    "age over 89": _old,
    "accession number": _accession,
}
