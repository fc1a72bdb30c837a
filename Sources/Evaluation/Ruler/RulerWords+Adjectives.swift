extension RulerWords {
  static let adjectiveText = """
    able absent active actual adult afraid agile alert alive ample ancient angry annual anxious
    apt arid ashen astute atomic average aware awful awkward bald bare basic beige better bitter
    black bland blank bleak blind blue blunt bold bony boring bossy bottom bouncy brave brief
    bright brisk brittle broad broken bronze brown bubbly bulky bumpy busy calm candid careful
    casual cautious central certain charming cheap cheerful chilly chubby civil classic clean
    clear clever cloudy clumsy coarse cold colossal common complete complex cool copper coral
    cordial corrupt cosmic costly cozy cracked crafty cranky crazy creamy crimson crisp crooked
    crowded crucial crude cubic curious curly current curved cute daily damp dapper daring dark
    dazzling deaf dear decent deep defiant delicate dense dental digital dim diligent direct dirty
    distant dizzy docile double drab dramatic dreary drowsy dry dual dull durable dusty dutiful
    eager early earnest earthy eastern easy edible elastic elated elderly electric elegant eminent
    empty endless enormous entire equal eternal ethical even every evident exact exotic expert
    extra fabulous faint fair faithful false familiar famous fancy fast fatal faulty feeble
    fertile festive fierce fiery filthy final fine firm fiscal fit fixed flaky flat flawed flimsy
    floral fluffy fluid foggy fond foolish foreign formal fragile frail frank frantic free
    frequent fresh friendly frosty frozen frugal full fuzzy gallant gaunt general generous gentle
    genuine giant gifted giddy glad glamorous gleaming global gloomy glossy golden good gorgeous
    graceful grand grateful grave gray greasy great greedy green grim gritty grouchy grumpy guilty
    hairy handy happy hard hardy harmless harsh hasty hazy healthy hearty heavy hefty helpful
    hidden high hilarious hoarse hollow holy homely honest horrid hot huge humble humid hungry
    husky icy ideal idle immense impolite inborn indigo inner innocent instant intense internal
    ironic ivory jagged jaunty jealous jolly jovial joyful juicy junior keen kind knotty known
    labored lame lanky large lasting late lavish lawful lazy leafy lean legal lengthy lethal level
    likable likely limber limp linear liquid little lively local lofty lonely long loose loud
    lovely loyal lucid lucky lumpy lunar lush luxurious magenta major mammoth married marvelous
    massive mature meager mean measly medical meek mellow merry messy metallic mighty mild milky
    minor misty mixed modern modest moist moral muddy mundane murky musical mute muted narrow
    nasty national native natural naughty nautical navy neat needy nervous new nice nimble noble
    noisy normal northern notable novel numb nutty oaken obvious odd oily old olive open optimal
    oral orange ordinary organic ornate outer oval overdue pale paltry partial past patient
    peaceful perfect perky petite plain playful pleasant plump poetic polite poor popular portly
    posh positive potent precious pretty previous prickly primary prime private prompt proper
    proud prudent public puny pure purple puzzled quaint queasy quick quiet quirky radiant rapid
    rare raspy raw ready real recent red regal regular remote rich right rigid ripe rival robust
    rosy rotten rough round rowdy royal rubbery rude rugged rural rustic rusty sacred sad safe
    salty sandy sane sarcastic scaly scarce scary scenic secret secure senior sensible serene
    serious severe shabby shady shaggy shallow sharp shiny short shrill shy silent silky silly
    silver simple sincere skinny sleek sleepy slender slim slimy slippery slow small smart smoggy
    smooth smug snappy sneaky snowy sober social soft soggy solar sole solemn solid somber sore
    sour southern spare sparkling sparse spicy spiral splendid spotless square stable stale stark
    starry steady steep stern sticky stiff stingy stormy stout strange strict strong stubborn
    stuffy sturdy subtle sudden sugary sulky sunny superb sure svelte sweet swift tall tame tan
    tangible tart tasty tearful tedious tender tense tepid terrible thick thin thirsty thorough
    thorny thrifty tidy tight timely timid tiny tired total tough toxic tragic tranquil tricky
    trim tropical true trusty tubby turbulent twin ugly ultimate uneven unique unlit unripe unruly
    untidy upbeat upper upset urban urgent useful usual vacant vague vain valid valuable vast
    velvety verbal vibrant vicious violet visible vital vivid vocal void volatile warm wary
    wasteful watery wavy weak wealthy weary weird western wet whimsical white whole wicked wide
    wiggly wild willing wilted windy winged wiry wise wistful witty woeful wonderful wooden woolly
    wordy worldly worthy wry yearly yellow young zany zealous
    """
}
