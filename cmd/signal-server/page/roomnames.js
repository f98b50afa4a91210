// Names of new rooms, which can be said over the phone: three words of 1024, 30 bits. ?words=N is another number of words.
// The words are the shorter ones of BIP 39, each of which differs from the others in its first four letters.

const words = `
able about above acid act actor adapt add admit again age agent agree ahead aim air aisle alarm album alert alien
all alley allow alone alpha also alter among anger angle angry ankle any apart apple april arch area arena argue arm
armed armor army arrow art ask asset atom audit aunt auto avoid awake aware away awful axis baby bacon badge bag
ball base basic beach beef begin below belt bench best bid bike bind bird birth blade blast bleak blind blue blur
blush board boat body boil bonus book boost boss box brain brass brave bread brick brief bring brisk broom brown
brush buddy build bulb bulk bus busy buyer buzz cabin cable cage cake call calm camp can canal candy canoe car card
cargo carry cart case cash cat catch cave chair chalk chaos chase chat cheap check chef chest chief child chunk
churn cigar city civil claim claw clay clean clerk click cliff climb clip clock clog close cloth cloud clown club
clump coach coast code coil coin color come comic cook cool copy coral core corn cost couch cover crack craft cram
crane crawl crazy cream creek crew crisp crop cross crowd crush cube cup curve cute cycle dad damp dance dash dawn
day deal deer defy delay deny depth desk dial diary dice diet dish dizzy dog doll donor door dose dove draft drama
draw dream dress drift drill drink drip drive drop drum dry duck dune dust dutch duty dwarf eager eagle early earn
earth east easy echo edge edit egg eight elbow elder elite else empty enact end enjoy enter entry equal equip era
erase erode error erupt essay evoke exact exile exist exit extra eye face fade faint faith fall false fame fan fancy
farm fat fee feed feel fence fetch few fiber field file film final find fine firm first fish fit fix flag flame
flash flat flee flip float flock floor fluid flush fly foam focus fog foil fold food foot force fork forum found fox
frame fresh frog front frost frown fruit fuel fun funny fury gain game gap gasp gate gauge gaze genre ghost giant
gift give glad glare glass glide globe gloom glory glove glow glue goat gold good goose gown grab grace grain grant
grape grass great green grid grit group grow grunt guard guess guide gym habit hair half hand happy hard hat have
hawk head heart heavy hello help hen hero high hill hint hip hire hobby hold hole home honey hood hope horn horse
host hotel hour hover hub huge human humor hunt hurry ice icon idea idle ill image inch index inner input into iron
issue item ivory jar jazz jeans jelly jewel job join joke joy judge juice jump junk just keen keep key kick kid kind
kiss kit kite kiwi knee knock know lab label labor lake lamp large later latin laugh lava law lawn layer lazy leaf
learn leave left leg legal lemon lend lens level liar life lift light like limb limit link lion list live load local
lock march mask mass match math maze mean meat medal media melt menu mercy merge merit merry mesh metal milk mimic
mind minor miss mix mixed model mom month moon moral more motor mouse move movie much mule music must myth name
nasty near neck need nerve nest net never news next nice night noble noise north nose note novel now nurse nut oak
obey occur ocean odor off offer often oil okay old olive omit once one onion only open opera orbit order organ other
outer oval oven over own owner ozone pact page pair palm panda panel paper park party pass patch path pause pave
peace pear pen pet phone photo piano piece pig pilot pink pipe pitch pizza place plate play pluck plug poem poet
point polar pole pond pony pool post power price pride print prize proof proud pull pulp pulse pupil puppy purse
push put quick quit quiz quote race rack radar radio rail rain rally ramp ranch range rapid rare rate raven raw
razor ready real rebel relax rely renew rent rib rice rich ride ridge rifle right rigid ring risk rival river road
roast robot roof room rose rough round route royal rug rule run rural safe sail salad salon salt same sand sauce
save say scale scan scene scout scrap scrub sea seat seed seek sell sense setup seven shaft share shed shell shift
shine ship shock shoe shop short shove shrug shy side siege sight sign silk silly since sing siren six size skate
ski skill skin skirt skull slab slam sleep slice slide slim slot slow slush small smart smile smoke snack snake snap
sniff snow soap sock soda soft solar solid solve song soon sorry sort soul sound soup south space spare spawn speak
speed spell spend spice spike spin split spoil spoon sport spot spray spy staff stage stamp stand start state stay
steak steel stem step stick still sting stock stone story stove style such sugar suit sun sunny super sure surge
swamp swap swarm swear sweet swift swim swing sword syrup table tag tail talk tank tape task taste taxi teach team
tell ten tent term test text thank that theme then there they thing this three throw thumb tide tiger tilt time tiny
tip tired title toast today toe token tone tool tooth top topic torch toss total tower town toy track trade train
trap tray treat tree trend trial tribe trick trim trip truck true truly trust truth try tube tuna turn twice twin
twist two type uncle under undo unit until upon upper upset urban urge usage use used usual vague valid valve van
vapor vast vault venue verb very video view virus visa visit vital vivid vocal voice void vote wage wagon wait walk
wall want warm wash wasp water wave way wear web west wet whale what wheat wheel when where whip wide width wife
wild will win wine wing wink wire wise wish wolf wood wool word work world worry worth wrap wrist write yard year
you young youth zebra zero zone zoo`.trim().split(/\s+/);

/** @param {number} count */
export const roomName = (count) => [...crypto.getRandomValues(new Uint16Array(Math.min(8, Math.max(2, count || 3))))].map((n) => words[n % words.length]).join("-");
