"""What ads say: names, headlines, offers and small print of each vertical. All invented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vertical:
    """Vocabulary, pictures and backgrounds of one trade.

    ``{n}`` stands for a percentage, ``{p}`` for a price in dollars, ``{brand}`` for the name.
    """

    suffixes: tuple[str, ...]
    products: tuple[str, ...]
    grounds: tuple[str, ...]
    headlines: tuple[str, ...]
    sublines: tuple[str, ...]
    offers: tuple[str, ...]
    actions: tuple[str, ...]
    legal: tuple[str, ...]
    prices: tuple[float, float]


_T = "Terms apply. While stocks last."

VERTICALS: dict[str, Vertical] = {
    "travel": Vertical(
        ("Air", "Holidays", "Tours", "Travel"),
        ("plane", "suitcase", "plane", "suitcase"),
        ("beach", "mountains", "city", "beach", "glow", "split", "hills"),
        ("Pack light. Go far.", "Summer is calling", "Your next sunrise, from ${p}",
         "Fly more, pay less",
         "Islands from ${p}", "Two seats to the sun", "Winter escapes up to {n}% off",
         "See the other side",
         "Weekends that feel like weeks", "Book early, smile longer"),
        ("Flights and hotels in one place", "Over 140 destinations",
         "Free cancellation on every trip",
         "Return fares, taxes included", "Cabin bag included"),
        ("From ${p}", "-{n}%", "2 for 1"), ("Book now", "See deals", "Find flights", "Explore"),
        ("Return fare per person, taxes included. Limited seats.",
         "Fares subject to availability."), (29, 699),
    ),
    "banking": Vertical(
        ("Bank", "Finance", "Capital", "Pay"),
        ("card", "coins", "phone", "card", "house"),
        ("flat", "blob", "split", "waves", "glow", "circles", "bokeh"),
        ("Save for what matters", "Money that moves with you", "A card with no fees",
         "Earn {n}% more on savings",
         "Your home. Your rate.", "Get ${p} when you switch", "Open an account in 5 minutes",
         "Bank like it is tomorrow", "Cash back on every coffee", "Small steps. Big plans."),
        ("No monthly fees. No small print.", "Everything in one app", "Approved in minutes",
         "Cash back up to {n}%", "Safe, simple, yours"),
        ("${p} bonus", "{n}% back", "0 fees"), ("Apply now", "Open account", "Learn more",
         "Start saving"),
        ("Rates are variable. Credit subject to approval.",
         "Representative example. Conditions apply."), (50, 400),
    ),
    "fashion": Vertical(
        ("Wear", "Studio", "Atelier", "Label"),
        ("handbag", "shirt", "watch", "sunglasses", "sneaker"),
        ("flat", "studio", "marble", "split", "circles", "bokeh", "stripes"),
        ("The new season is here", "Made to be seen", "Less, but better",
         "Up to {n}% off everything",
         "Dress the day", "Quiet colours, loud lines", "The autumn edit", "Icons, remade",
         "Style has no season",
         "Wear it your way"),
        ("New arrivals every week", "Free delivery and returns", "Designed to last",
         "Discover the collection",
         "Online and in store"),
        ("-{n}%", "Sale", "New in"), ("Shop now", "Shop the look", "Discover", "View collection"),
        ("Selected styles only. " + _T, "Offer ends Sunday."), (19, 240),
    ),
    "sports": Vertical(
        ("Athletics", "Sport", "Run", "Active"),
        ("sneaker", "watch", "shirt", "sneaker", "headphones"),
        ("split", "rays", "stripes", "glow", "mountains", "studio", "dots"),
        ("Run your own race", "Faster starts here", "Feel the ground", "Light as morning",
         "Go one more mile",
         "Built for the last lap", "Train like nobody waits", "{n}% off all running",
         "Own the street",
         "Made for motion"),
        ("New foam. New energy.", "The lightest pair we ever made", "Free shipping over $50",
         "Engineered for speed", "Now in six colours"),
        ("${p}", "-{n}%", "New"), ("Shop now", "Get yours", "Buy here", "See the range"),
        ("Recommended retail price. " + _T, "Members only."), (49, 190),
    ),
    "food": Vertical(
        ("Kitchen", "Foods", "Grill", "Bistro"),
        ("burger", "pizza", "bowl", "cup", "can"),
        ("rays", "flat", "blob", "confetti", "dots", "glow", "bokeh"),
        ("Big taste. Small price.", "Hungry? We are on it", "Fresh from the oven", "Crunch time",
         "Two meals for ${p}", "Goodness you can taste", "Lunch is sorted", "Dinner in 20 minutes",
         "One bite and you know", "Hot, fresh, here"),
        ("Delivered to your door", "Only real ingredients", "Order in the app, skip the line",
         "No artificial flavours", "Now with free delivery"),
        ("Only ${p}", "-{n}%", "2 for 1"), ("Order now", "Get the deal", "Find a store",
         "Taste it"),
        ("Serving suggestion. At participating restaurants.", "Delivery fee may apply."), (3, 18),
    ),
    "drinks": Vertical(
        ("Brew", "Soda", "Coffee", "Springs"),
        ("can", "cup", "can", "cup"),
        ("bokeh", "waves", "rays", "beach", "confetti", "blob", "hills"),
        ("Open up summer", "Wake up, world", "Zero sugar. All taste.", "The cold side of hot days",
         "Ice cold since this morning", "A sip of sunshine", "Coffee worth the climb",
         "Refresh everything",
         "Good mornings start here", "Taste the new one"),
        ("Made with real fruit", "Slow roasted, small batches", "New recipe",
         "Find it in your store", "100% natural"),
        ("New", "Only ${p}", "-{n}%"), ("Try it", "Find yours", "Learn more", "Buy now"),
        ("Enjoy responsibly chilled.", "Serving suggestion."), (1, 9),
    ),
    "games": Vertical(
        ("Games", "Play", "Quest", "Arcade"),
        ("gem", "gamepad", "gem", "headphones"),
        ("space", "rays", "mountains", "space", "glow", "city", "confetti"),
        ("Can you beat level {n}?", "Play free today", "Claim your treasure",
         "The kingdom needs you",
         "Merge. Match. Win.", "Season {n} is live", "One more round", "Only the brave",
         "Build your legend",
         "The hunt begins"),
        ("Join 3 million players", "Free welcome chest inside", "No download needed",
         "New worlds every week",
         "Play with friends"),
        ("Free", "+{n} gems", "x{n}"), ("Play now", "Install", "Join free", "Start playing"),
        ("In-app purchases. 12+", "Game footage may differ."), (1, 20),
    ),
    "cars": Vertical(
        ("Motors", "Auto", "Drive", "Electric"),
        ("car", "suv", "car", "suv"),
        ("studio", "city", "mountains", "hills", "glow", "split", "studio"),
        ("Drive the quiet", "Made for every road", "The all-new {brand}", "Electric. Effortless.",
         "Leave the map at home", "From ${p} a month", "Room for all of it",
         "Meet tomorrow on the road",
         "Born for corners", "Power, without the noise"),
        ("Book your test drive today", "5-year warranty included", "Up to 420 miles on a charge",
         "0% finance for 36 months", "Ready to go this spring"),
        ("From ${p}/mo", "0% APR", "${p} off"), ("Test drive", "Build yours", "Learn more",
         "Get a quote"),
        ("Representative finance example. Model shown with options.",
         "Range depends on conditions."), (149, 499),
    ),
    "telecom": Vertical(
        ("Mobile", "Telecom", "Fibre", "Connect"),
        ("phone", "router", "phone", "television"),
        ("blob", "waves", "split", "circles", "glow", "dots", "flat"),
        ("Unlimited everything", "Fibre so fast it blurs", "5G for ${p} a month",
         "Bring your number, keep your friends",
         "More data. Less bill.", "The phone you want, for less", "Stream without the spin",
         "Home internet, sorted",
         "Switch and save {n}%", "One plan for the whole family"),
        ("No contract. Cancel any time.", "First three months free", "Calls, texts and 100 GB",
         "Free router and setup", "Keep your number"),
        ("${p}/mo", "-{n}%", "100 GB"), ("Get the plan", "Switch now", "Check coverage",
         "Order online"),
        ("24-month contract. Speeds depend on location.", "Fair use applies."), (9, 65),
    ),
    "software": Vertical(
        ("Cloud", "Labs", "Works", "Systems"),
        ("laptop", "phone", "laptop"),
        ("dots", "glow", "circles", "waves", "flat", "space", "blob"),
        ("Ship work that matters", "All your numbers, one place", "Invoices that send themselves",
         "Your team, in sync", "Stop searching. Start finding.", "Security that never sleeps",
         "Turn data into decisions", "Build it once", "Spreadsheets had their day",
         "Meet your new Monday"),
        ("Free for teams up to 10", "Try it free for 30 days", "Trusted by 40,000 companies",
         "Set up in minutes", "No credit card needed"),
        ("Free trial", "${p}/mo", "-{n}%"), ("Try for free", "Get started", "See demo", "Sign up"),
        ("Trial converts to a paid plan unless cancelled.", "Features vary by plan."), (5, 49),
    ),
    "beauty": Vertical(
        ("Skin", "Beauty", "Botanics", "Cosmetics"),
        ("pump_bottle", "perfume", "cream_jar", "pump_bottle"),
        ("marble", "flat", "blob", "studio", "waves", "circles", "bokeh"),
        ("Glow starts here", "Skin, but rested", "Meet your new ritual", "Soft all day",
         "Hydration for 72 hours", "Clean. Calm. Clear.", "Your scent, unspoken",
         "The serum everyone asks about",
         "Gentle by nature", "Love the skin you are in"),
        ("Dermatologist tested", "With vitamin C and aloe", "For sensitive skin",
         "Free sample with every order",
         "New formula, same care"),
        ("-{n}%", "New", "Gift set"), ("Discover", "Shop now", "Find your match", "Learn more"),
        ("Consumer test on 104 people.", "While stocks last."), (12, 95),
    ),
    "retail": Vertical(
        ("Market", "Store", "Outlet", "Mart"),
        ("gift", "television", "headphones", "sneaker", "handbag", "lamp"),
        ("rays", "split", "confetti", "stripes", "flat", "dots", "glow"),
        ("The big sale is on", "Up to {n}% off", "Deals of the week", "Everything must go",
         "Mega weekend",
         "Prices you can unwrap", "Tech from ${p}", "Only until Sunday", "Shop small prices",
         "More in your cart"),
        ("Thousands of offers online", "Free next-day delivery", "In store and online",
         "New deals every hour",
         "Members save more"),
        ("-{n}%", "${p}", "Sale"), ("Shop now", "See deals", "Buy now", "Grab it"),
        (_T, "Excludes clearance items."), (9, 499),
    ),
    "home": Vertical(
        ("Home", "Living", "Interiors", "Furniture"),
        ("sofa", "lamp", "sofa", "house"),
        ("studio", "flat", "marble", "split", "blob", "studio", "stripes"),
        ("Make room for comfort", "Home, at last", "Sit. Sink. Stay.", "Sofas from ${p}",
         "The living room, rethought",
         "{n}% off your new home", "Design for every day", "Corners worth keeping",
         "Your evening seat",
         "Good light, good mood"),
        ("Free delivery to your room", "100 nights to decide", "Made to order in 40 fabrics",
         "Pay in 12 months",
         "Visit our showroom"),
        ("-{n}%", "${p}", "New"), ("Shop now", "Get inspired", "See the range", "Find a store"),
        ("Delivery to mainland addresses only.", _T), (49, 999),
    ),
    "property": Vertical(
        ("Homes", "Estates", "Realty", "Mortgages"),
        ("house", "coins", "house"),
        ("hills", "city", "glow", "flat", "waves", "hills", "split"),
        ("Find the door that is yours", "Sell for more", "A mortgage in plain words",
         "New homes from ${p}k",
         "Move in by spring", "The view comes free", "What is your home worth?",
         "Rent less. Own more.",
         "Keys in hand", "Room to grow"),
        ("Free valuation in 60 seconds", "Over 12,000 listings", "Talk to a local expert",
         "Fixed rates for 5 years",
         "View online today"),
        ("From ${p}k", "-{n}% fee", "New"), ("View homes", "Get a quote", "Book a visit",
         "Learn more"),
        ("Your home may be at risk if you do not keep up repayments.", "Images are illustrative."),
         (95, 480),
    ),
}  # fmt: skip

SYLLABLES = (
    "vel", "tor", "ka", "ryn", "mo", "zan", "qui", "fen", "ost", "bri", "dal", "ume", "sha", "nor",
    "pel", "iva", "lum", "ard", "eno", "tha", "wyn", "gro", "zel", "mar", "ulo", "cos", "hept",
    "jor",
)  # fmt: skip

# Words and names that the syllables may form although somebody bears them.
TAKEN = frozenset(
    {"briard", "cosmo", "dalmar", "kamar", "kalum", "mariva", "marmo", "martha", "martor", "marvel"}
    | {"modal", "momar", "motha", "motor", "nordal", "normar", "shamar", "sharyn", "shazan"}
    | {"vellum", "velka", "zelka", "mozan", "karyn", "kazan"}
)
