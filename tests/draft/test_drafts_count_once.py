"""Small tables that hold the same people several times, or other things than people: a draft is right, or asks, or refuses."""

from pathlib import Path

import pytest

from synthor import InputError, check
from synthor.draft import infer
from synthor.problem import compile_problem
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import scaffold

ASKED, REFUSED = "asked", "refused"
TIMES: dict[str, tuple[str, int | str]] = {
    "short years": ("Mode,POP_19,POP_21\nCar,500,300\nBus,100,50\n", ASKED),
    "short years in front": ("Zone,P19_POP,P24_POP\nA,100,110\nB,200,220\n", ASKED),
    "years behind a word": ("Zone,pop2019,pop2024\nA,100,110\nB,200,220\n", 330),
    "eras": ("Area,平成27年,令和2年\nA,500,490\nB,510,500\nC,10,12\n", 1002),
    "a first year of an era": ("地域,平成30年,令和元年\n北,500,490\n南,510,500\n", 990),
    "eras in a column": ("年,性別,人数\n平成27年,男,100\n平成27年,女,102\n令和2年,男,101\n令和2年,女,104\n", 205),
    "years of the republic": ("地區,民國108年,民國109年\n北,100,110\n南,200,220\n", 330),
    "years of Islam": ("Region,1439H,1440H\nNorth,100,110\nSouth,200,220\n", 330),
    "years of Buddhism": ("จังหวัด,พ.ศ. 2562,พ.ศ. 2563\nเหนือ,100,110\nใต้,200,220\n", 330),
    "bare years of another calendar": ("Province,1390,1395\nNorth,100,110\nSouth,200,220\n", ASKED),
    "fiscal years": ("Region,FY19,FY20\nNorth,100,110\nSouth,200,220\n", 330),
    "school years": ("Region,2018/19,2019/20\nNorth,100,110\nSouth,200,220\n", 330),
    "dates": ("Land,31.12.2019,31.12.2020\nBerlin,100,110\nBremen,200,220\n", 330),
    "quarters": ("Land,1. Quartal 2020,2. Quartal 2020\nBerlin,100,110\nBremen,200,220\n", 330),
    "short quarters": ("Region,1Q20,2Q20\nNorth,100,110\nSouth,200,220\n", 330),
    "weeks": ("Area,2020-W01,2020-W02\nA,100,110\nB,200,220\n", 330),
    "a census and an estimate": ("Area,CENSUS2010POP,POPESTIMATE2019\nA,100,110\nB,200,220\n", 330),
    "a base and a forecast": ("Zone,Base 2018,Forecast 2030\nA,100,150\nB,200,250\n", 400),
    "rounds": ("Land,Welle 1,Welle 2\nBerlin,100,110\nBremen,200,220\n", 330),
    "rounds in a column": ("Wave,Sex,N\n1,m,100\n1,f,102\n2,m,101\n2,f,104\n", ASKED),
    "words of times": ("Area,Before,After\nA,100,110\nB,200,220\n", ASKED),
    "sexes of two years": ("Region,M_2019,F_2019,M_2020,F_2020\nNorth,50,52,51,54\nSouth,48,50,49,56\n", REFUSED),
    "years in which homes were built": ("Area,Built 1980-1999,Built 2000-2019\nA,100,110\nB,170,220\n", 600),
    "an era in brackets": ("市,人口(平成27年),人口(令和2年)\nA,303,307\nB,395,400\n", 707),
    "letters of eras": ("市,H27,R2\nA,303,307\nB,395,400\n", ASKED),
    "short years with a mark": ("City,'19,'20\nA,303,307\nB,395,400\n", 707),
    "short school years": ("City,19/20,20/21\nA,303,307\nB,395,400\n", 707),
    "dates behind words": ("City,Stav k 31.12.2019,Stav k 31.12.2020\nA,303,307\nB,395,400\n", 707),
    "dates without marks": ("City,20190101,20200101\nA,303,307\nB,395,400\n", 707),
    "quarters in a column of no known name": ("Dato,A,B\n2019K1,303,395\n2019K2,307,400\n", ASKED),
    "months": ("City,Jan.,Feb.\nA,303,307\nB,395,400\n", ASKED),
    "seasons": ("City,Spring 2019,Autumn 2019\nA,303,307\nB,395,400\n", ASKED),
    "variants": ("City,Low,Medium,High variant\nA,303,307,310\nB,395,400,410\n", ASKED),
    "how people are counted": ("City,De facto,De jure\nA,303,307\nB,395,400\n", ASKED),
    "years beside words that are not known": ("Land,Zählung 2011,Fortschreibung 2019\nA,303,311\nB,395,400\n", ASKED),
    "years of arrival": ("Zone,Arrived 2020,Arrived 2021\nA,311,303\nB,400,395\n", 1409),
    "deaths beside people of two years": ("Sex,Population 2019,Population 2020,Deaths 2020\nM,303,311,3\nF,395,400,4\n", 711),
    "ages of two digits": ("Area,AGE_00,AGE_15,AGE_65\nA,100,40,10\nB,100,40,10\n", 300),
}
DEPTHS: dict[str, tuple[str, int | str]] = {
    "dashes": ("Age,N\nUnder 30,100\n- students,40\n- workers,60\n30 and over,217\n", 317),
    "angles": ("Group,N\nA,100\n>> A1,40\n>> A2,60\nB,217\n", 317),
    "dots": ("Group,N\nA,100\n....A1,40\n....A2,60\nB,217\n", 317),
    "blanks": ("Group,N\nA,100\n   A1,40\n   A2,60\nB,217\n", 317),
    "tabs": ('Group,N\nA,100\n"\tA1",40\n"\tA2",60\nB,217\n', 317),
    "two deep": ("Group,N\nTotal,317\n  A,100\n    A1,40\n    A2,60\n  B,217\n", 317),
    "only some parts": ("Group,N\nA,100\n   A1,40\nB,217\n   B1,50\n   B2,20\n", 317),
    "only some parts of two peoples": (
        "Area,Male,Female\nNorth,300,300\n  Alton,50,50\n  Belton,70,80\nSouth,190,210\n  Colton,25,25\n",
        1000,
    ),
    "only some parts of one": ("Area,N\nKent,1000\n  Alton,100\n  Belton,150\n", ASKED),
    "more than the whole": ("Group,N\nReaders,100\n- papers,70\n- books,80\nOthers,217\n", ASKED),
    "stars": ("Type,N\nFlats,101\n* with lift,50\n* without lift,51\nHouses,459\n", 560),
    "letters behind numbers": ("Type,N\n(1) Flats,101\n(1a) with lift,50\n(1b) without lift,51\n(2) Houses,459\n", 560),
    "codes in a column": ("Code,Type,N\nA,Flats,101\nA1,with lift,50\nA2,without lift,51\nB,Houses,459\n", 560),
    "the same words and more": ("Type,N\nFlats,101\nFlats: with lift,50\nFlats: without lift,51\nHouses,459\n", 560),
    "regions among districts": ("Land,Kreis,N\nNord,Nord,101\nNord,Aa,50\nNord,Bb,51\nSüd,Süd,459\nSüd,Cc,459\n", 560),
    "towns named as their regions": ("Land,Town,N\nNord,Nord,101\nNord,Aa,150\nSüd,Süd,459\nSüd,Cc,469\n", 1179),
    "a long number before two": ("Job,N\nLabour force,36021\nEmployed,33010\nUnemployed,3011\nNot,20111\n", ASKED),
    "a word in dashes": ("Title,N\nDr.,400\nMr.,250\n- none -,211\n", 861),
    "words that begin alike": ("Fuel,N\nElectric,400\nElectric heat pump,250\nGas,211\n", 861),
    "all alike": ("Group,N\n- A,100\n- B,217\n", 317),
    "chapters": ("Group,N\n1. A,100\n1.1 A one,40\n1.2 A two,60\n2. B,217\n", 317),
    "letters below numbers": ("Group,N\n1. A,100\na) A one,40\nb) A two,60\n2. B,217\n", 317),
    "occupations": ("Job,N\n1 Managers,100\n2 Clerks,150\n3 Others,90\n11 Chiefs,40\n12 Heads,60\n", 340),
    "occupations of which some are told": ("Job,N\n1 Managers,100\n11 Chiefs,40\n2 Clerks,150\n21 Typists,30\n", ASKED),
    "codes alone": ("ISCO,Persons\n1,100\n11,40\n111,25\n112,15\n12,60\n2,150\n21,150\n3,90\n", 340),
    "trades": ("NACE,Staff\nA,100\nA01,70\nA02,30\nB,53\nB05,53\nC,150\nC10,100\nC11,50\n", 303),
    "trades in ranges": ("NAICS,Staff\n11,50\n31-33,150\n311,90\n312,60\n44-45,105\n441,70\n445,35\n", 305),
    "divisions below sections": ("SIC,N\nA : Farms,60\n01 Crops,40\n02 Woods,20\nB : Mines,117\n", 177),
    "areas": ("NUTS,Pop\nAT1,120\nAT11,20\nAT12,100\nAT2,183\nAT21,80\nAT22,103\n", 303),
    "zones that are numbered": ("Zone,N\n1,33\n2,2\n3,3\n4,4\n5,5\n6,6\n7,7\n8,8\n9,9\n10,10\n11,11\n12,12\n", 110),
    "of which in Polish": ("Grupa,Liczba\nPracujący,100\nw tym kobiety,40\nNiepracujący,217\n", 317),
    "of which in Finnish": ("Ryhmä,Lukumäärä\nTyölliset,100\nsiitä naisia,40\nMuut,217\n", 317),
    "of which in Japanese": ("区分,人数\n就業者,100\nうち女性,40\n非就業者,217\n", 317),
    "of which, cut short": ("Gruppe,Anzahl\nErwerbstätig,100\ndar. Teilzeit,40\nNicht erwerbstätig,217\n", 317),
}
SEVERAL: dict[str, tuple[str, int | str]] = {
    "any of them": ("Sex,Trouble,N\nM,Any,100\nM,Seeing,60\nM,Hearing,70\nF,Any,110\nF,Seeing,65\nF,Hearing,75\n", REFUSED),
    "any or none": ("Benefit,N\nAny benefit,500\nPension,300\nHousing,350\nNone,500\n", REFUSED),
    "a base": ("Answer,N\nRadio,600\nTV,700\nPaper,300\nBase,1000\n", REFUSED),
    "a base that is their sum": ("Answer,N\nRadio,400\nTV,300\nPaper,303\nBase,1003\n", 1003),
    "heads": ("Area,Respondents,Radio,TV,Paper\nA,400,300,200,100\nB,600,400,350,200\n", REFUSED),
    "told in the head": ("Antwort (Mehrfachnennungen),Anzahl\nRadio,600\nTV,700\nZeitung,300\n", REFUSED),
    "told in a note": ("Answer,N\nRadio,600\nTV,700\nNote: respondents could give more than one answer,\n", REFUSED),
    "alone or in combination": ("Race,N\nWhite alone or in combination,700\nAsian alone or in combination,350\n", REFUSED),
    "per cent of fewer": ("Answer,Responses,Percent\nRadio,600,60\nTV,700,70\nPaper,300,30\n", REFUSED),
    "per cent of all": ("Answer,Responses,Percent\nRadio,600,60\nTV,100,10\nPaper,300,30\n", 1000),
    "digits that add up by chance": ("Mode,A,B,C\nCar,30,32,8\nBus,10,11,3\nRail,20,21,5\nWalk,5,6,7\n", ASKED),
    "per cent of those asked": ("Reason,% of respondents\nCost,50\nTime,75\n", REFUSED),
    "with and without": ("Haustiere,Haushalte\nmit Haustier,200\nHund,120\nKatze,110\nohne Haustier,300\n", REFUSED),
    "those who get and those who do not": ("Aid,N\nRecipients,200\nRent,150\nFood,90\nNon-recipients,300\n", REFUSED),
    "per cent alone": ("Equipment,% of homes\nBicycle,60\nCar,70\n", REFUSED),
    "any race": ("Zone,White,Black,Hispanic (any race)\nA,100,70,40\nB,120,70,50\n", 360),
    "questions": ("Item,Agree,Neutral,Disagree\nQ1,210,105,100\nQ2,150,165,100\nQ3,50,65,300\n", ASKED),
    "yes and no": ("Reason,Yes,No\nCost,210,200\nTime,310,100\n", ASKED),
    "areas as large as each other, with their total": ("zone,a,b,c\nN,20,25,15\nS,15,25,20\nE,20,20,20\nTotal,55,70,55\n", 180),
    "cars, any": ("Cars,Households\nNone,40\nAny,60\n", 100),
}
THINGS: dict[str, tuple[str, int | str]] = {
    "cars beside homes by cars": ("Zone,Cars0,Cars1,Cars2,TotalCars\n1,100,50,20,90\n2,200,90,40,170\n3,150,80,20,120\n", 750),
    "a total that is none": ("Zone,Flats,Houses,TotalRooms\n1,10,5,20\n2,20,9,40\n", REFUSED),
    "cars beside men and women": ("Area,Men,Women,Cars\nA,50,52,30\nB,49,51,40\n", 202),
    "homes beside men and women": ("市町村,世帯数,男,女\nA,40,50,52\nB,44,49,51\n", 202),
    "births beside men and women": ("Area,Male,Female,Births\nA,50,52,3\nB,49,51,4\n", 202),
    "births beside people": ("Area,Population,Births,Deaths\nA,100,3,2\nB,200,5,6\n", 300),
    "births beside some people": ("Zone,Single,Married,Births\nA,50,50,3\nB,100,100,5\n", 300),
    "births beside one other": ("Age,Exposure,Deaths\n0-14,90,1\n15-64,150,5\n65+,60,20\n", REFUSED),
    "rooms beside homes": ("Zone,Owner,Tenant,Rooms\nA,50,50,340\nB,100,100,900\n", 300),
    "people of a ratio": ("Zone,Men,Women,Men per 100 women\nA,50,50,100\nB,100,100,100\n", 300),
    "more of another kind": ("Zone,Workers,Retired\nA,50,60\nB,100,90\n", REFUSED),
    "births and deaths": ("Area,Births,Deaths\nA,3,2\nB,5,6\n", REFUSED),
    "size beside people": ("市,人口,面積\nA,100,11\nB,200,12\n", 300),
    "hectares": ("Gemeinde,Einwohner,ha\nA,100,30\nB,200,50\n", 300),
    "people and homes, Polish": ("Gmina,Ludność,Mieszkania\nA,100,40\nB,200,90\n", REFUSED),
    "people and homes, Swedish": ("Kommun,Folkmängd,Hushåll\nA,100,40\nB,200,90\n", REFUSED),
    "people and homes, Turkish": ("İl,Nüfus,Hane sayısı\nA,100,40\nB,200,90\n", REFUSED),
    "people and homes, Chinese": ("地区,人口,户数\nA,100,40\nB,200,90\n", REFUSED),
    "people and homes, Korean": ("시군구,인구수,세대수\nA,100,40\nB,200,90\n", REFUSED),
    "people and homes, Russian": ("Район,Население,Домохозяйства\nA,100,40\nB,200,90\n", REFUSED),
    "things below each other": ("Area,What,N\nA,People,100\nA,Homes,40\nB,People,200\nB,Homes,90\n", ASKED),
    "things as rows": ("What,A,B\nPopulation,100,200\nHouseholds,40,90\nDwellings,45,95\n", ASKED),
    "ways to travel": ("Area,Cars,Buses,Bikes\nA,100,40,10\nB,100,40,10\n", 300),
    "kinds of homes": ("Area,Occupied dwellings,Vacant dwellings\nA,40,5\nB,90,5\n", 140),
}
DOWNLOADS: dict[str, tuple[str, int, dict[str, list[str]]]] = {
    "a square of zones": (
        "Origin / Destination,Zone 1,Zone 2,Total\nZone 1,78,14,92\nZone 2,52,89,141\nTotal,130,103,233\n",
        233,
        {"Origin_Destination": ["Zone 1", "Zone 2"], "a": ["Zone 1", "Zone 2"]},
    ),
    "sizes of households in a zone": (
        "TAZ,HH_TOTAL,HH_SIZE_1,HH_SIZE_2,HH_WRKS_0,HH_WRKS_1\n101,60,20,40,10,50\n102,50,20,30,25,25\n103,9,4,5,2,7\n",
        119,
        {"TAZ": ["101", "102", "103"], "HH_SIZE": ["HH_SIZE_1", "HH_SIZE_2"], "HH_WRKS": ["HH_WRKS_0", "HH_WRKS_1"]},
    ),
    "controls of one region": (
        "REGION,AGE_0_14,AGE_15_PLUS,SEX_M,SEX_F,OCC_MGMT,OCC_NONE\n1,200,310,250,260,90,420\n",
        510,
        {"AGE": ["AGE_0_14", "AGE_15_PLUS"], "SEX": ["SEX_M", "SEX_F"], "OCC": ["OCC_MGMT", "OCC_NONE"]},
    ),
    "the API of the census": (
        "NAME,B25003_002E,B25003_003E,state,county\nBenton,300,200,41,003\nLinn,90,80,41,043\n",
        670,
        {"NAME": ["Benton", "Linn"], "a": ["B25003_002E", "B25003_003E"]},
    ),
    "codes before names of two towns": (
        "region,2023\n0114 Upplands Väsby,70\n0115 Vallentuna,80\n",
        150,
        {"region": ["0114 Upplands Väsby", "0115 Vallentuna"]},
    ),
    "an open band with a dash": ("Ikä,N\n0 - 14,10\n15 - 64,60\n65 -,30\n", 100, {"Ika": ["0-14", "15-64", "65+"]}),
    "all called totals": (
        "Area,Age-group,Total Persons,Total Males,Total Females\nUP,0-4,10,6,4\nUP,5-9,12,5,7\nUP,10+,3,1,2\n",
        25,
        {"Age_group": ["0-4", "5-9", "10+"], "a": ["Total Males", "Total Females"]},
    ),
    "counts with per cent": (
        "Age,Male n (%),Female n (%)\n0-4,20 (40.0),4 (8.0)\n5+,30 (60.0),46 (92.0)\n",
        100,
        {"Age": ["0-4", "5+"], "a": ["Male n (%)", "Female n (%)"]},
    ),
    "cases and whom rates are of": (
        "Age,Cases,Population,Rate per 100\n0-4,10,100,10.0\n5+,30,600,5.0\n",
        40,
        {"Age": ["0-4", "5+"]},
    ),
    "men and women, then ages": (
        "Characteristic,Number\nPopulation,100\nMale,40\nFemale,60\nUnder 18,30\n18 and over,70\n",
        100,
        {"sex": ["Male", "Female"], "age": ["0-17", "18+"]},
    ),
    "a total of the district": (
        "Grade,Male,Female,Total\n1st,10,20,30\n2nd,15,16,31\nDistrict Total,25,36,61\n",
        61,
        {"Grade": ["1st", "2nd"], "a": ["Male", "Female"]},
    ),
    "per cent below counts": (
        ",Total,Gender,,Age,\n,,Male,Female,18-34,35+\nWeekly,60,20,40,30,30\n,60%,40%,80%,75%,50%\n"
        "Never,40,30,10,10,30\n,40%,60%,20%,25%,50%\n",
        100,
        {"label": ["Weekly", "Never"], "Gender": ["Male", "Female"], "Age": ["18-34", "35+"]},
    ),
    "totals in a column of notes": (
        "Notes\tAge\tGender\tDeaths\tPopulation\tCrude Rate\n\t15-24\tF\t3\t100\t3.0\n\t15-24\tM\t8\t110\t7.3\n"
        "Total\t15-24\t\t11\t210\t5.2\n\t25+\tF\t5\t90\t5.6\n\t25+\tM\t9\t95\t9.5\nTotal\t25+\t\t14\t185\t7.6\n"
        "Total\t\t\t25\t395\t6.3\n---\n",
        25,
        {"Age": ["15-24", "25+"], "Gender": ["F", "M"]},
    ),
    "money beside receipts": (
        "Payment,Transactions,Revenue (EUR)\nCard,60,1032.00\nCash,40,688.50\n",
        100,
        {"Payment": ["Card", "Cash"]},
    ),
    "heads in Korean": (
        '"행정구역","성별","연령별","2023"\n서울,남자,0 - 14세,10\n서울,여자,0 - 14세,11\n'
        "서울,남자,15세 이상,30\n서울,여자,15세 이상,31\n"
        "부산,남자,0 - 14세,5\n부산,여자,0 - 14세,6\n부산,남자,15세 이상,20\n부산,여자,15세 이상,21\n",
        134,
        {"geography": ["서울", "부산"], "sex": ["남자", "여자"], "age": ["0-14", "15+"]},
    ),
    "one row of counts": (
        "Male 0-14,Male 15+,Female 0-14,Female 15+\n290,859,692,796\n",
        2637,
        {"a": ["Male 0-14", "Male 15+", "Female 0-14", "Female 15+"]},
    ),
    "points between thousands, by the language": (
        "Municipio;Sexo;Total\nAlcobendas;Hombres;5.100\nAlcobendas;Mujeres;5.300\nAlcorcón;Hombres;8.200\n"
        "Alcorcón;Mujeres;8.416\n",
        27016,
        {"Municipio": ["Alcobendas", "Alcorcón"], "Sexo": ["Hombres", "Mujeres"]},
    ),
    "sums of weights": (
        "IRIS,P19_POPH,P19_POPF\nParis 1,100.1234567,90.7654321\nParis 2,80.2222222,85.1111111\n",
        356,
        {"IRIS": ["Paris 1", "Paris 2"], "a": ["P19_POPH", "P19_POPF"]},
    ),
}
"""Tables as offices, planners and market research publish them, with what becomes of their sides."""
PROFILE = """CENSUS_YEAR,GEO_NAME,CHARACTERISTIC_ID,CHARACTERISTIC_NAME,C1_COUNT_TOTAL
2021,Toronto,1,Total - Age groups,1021
2021,Toronto,2,  0 to 14 years,191
2021,Toronto,3,  15 to 64 years,690
2021,Toronto,4,  65 years and over,140
2021,Toronto,5,    85 years and over,30
2021,Guelph,1,Total - Age groups,500
2021,Guelph,2,  0 to 14 years,101
2021,Guelph,3,  15 to 64 years,340
2021,Guelph,4,  65 years and over,59
2021,Guelph,5,    85 years and over,11
"""


CARS = """CDU_ID,GEO_LABEL,F989,F991
,,Cars : All categories: Cars - Unit : Households,Cars : No cars in household - Unit : Households
1,Baildon,6785,1134
2,Bingley,8223,1792
3,Craven,6821,2004
4,Ilkley,6240,990
"""
SOME_PARTS = {
    "a total and one part": ("Area,Total,No cars\nA,90,20\nB,70,30\nC,80,25\n", 240, "which of 'Total', 'No cars' is meant"),
    "a total and some parts": (
        "Area,All,No cars,One car\nA,90,20,30\nB,70,30,20\nC,80,25,26\n",
        240,
        "which of 'All', 'No cars', 'One car' is meant",
    ),
    "below each other": (
        "Area,Cars,N\nA,All,90\nA,None,20\nB,All,70\nB,None,30\nC,All,80\nC,None,25\n",
        240,
        "which of 'All', 'None' is meant",
    ),
    "codes and what they mean": (CARS, 28069, "the draft speaks of 'Cars : All categories: Cars - Unit : Households'"),
    "codes alone": (
        "\n".join(line for i, line in enumerate(CARS.split("\n")) if i != 1),
        33989,
        "'F989' is nowhere less than 'F991'; delete this entry",
    ),
    "codes, the whole last": (
        "Area,F1,F02,F03\nA,1,20,90\nB,2,30,70\nC,3,25,80\n".replace("F1", "F01"),
        321,
        "'F03' is nowhere",
    ),
    "codes of several variables": (
        "Area,F1,F2,F3\nA,90,60,70\nB,70,40,50\nC,80,50,60\n".replace("F", "KS0"),
        570,
        "'KS01' is nowhere less than 'KS02', 'KS03'; delete this entry",
    ),
    "people and men": (
        "Area,Who,N\nA,Population,90\nA,Men,40\nB,Population,70\nB,Men,30\nC,Population,80\nC,Men,45\n",
        355,
        "'Population' is nowhere less than 'Men'",
    ),
}
"""Tables of a whole and only some of its parts: the number that the draft speaks of, and what it asks."""


def outcome(files: dict[str, str], folder: Path) -> int | str:
    """How many records a draft makes, or that it asks or refuses."""
    (folder / "tables").mkdir()
    for name, text in files.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    try:
        spec = parse_spec(scaffold(infer(folder / "tables", beside=folder))).placed_in(folder)
    except InputError:
        return REFUSED
    errors = [finding.message for finding in check(spec) if finding.severity == "error"]
    assert all("filled in" in message for message in errors)
    return ASKED if errors else spec.records


@pytest.mark.parametrize("name", DOWNLOADS)
def test_what_is_downloaded_is_read_with_all_its_variables(name: str, tmp_path: Path) -> None:
    text, people, variables = DOWNLOADS[name]
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text(text, encoding="utf-8")
    spec = parse_spec(scaffold(infer(folder, beside=tmp_path))).placed_in(tmp_path)
    assert [str(finding) for finding in check(spec) if finding.severity == "error"] == []
    found = compile_problem(spec).variables
    assert (spec.records, {name: list(one.labels) for name, one in found.items()}) == (people, variables)


@pytest.mark.parametrize("text", ["Sex,N\nMale,40\nFemale,60\nUnder 18,30\n18 and over,75\n"])
def test_two_variables_in_one_column_whose_sums_differ_are_refused(text: str, tmp_path: Path) -> None:
    assert outcome({"a.csv": text}, tmp_path) == REFUSED


@pytest.mark.parametrize("name", TIMES)
def test_several_times_are_the_same_people(name: str, tmp_path: Path) -> None:
    text, found = TIMES[name]
    assert outcome({"a.csv": text}, tmp_path) == found


def test_a_year_that_is_asked_about_is_answered_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(TIMES["short years"][0], encoding="utf-8")
    text = scaffold(infer(tmp_path / "tables", beside=tmp_path))
    begin = text.index('"FILL IN: which of')
    text = text[:begin] + "POP_19" + text[text.index('"', begin + 1) + 1 :]
    spec = parse_spec(text.replace("records: 350", "records: 600")).placed_in(tmp_path)
    assert [finding for finding in check(spec) if finding.severity == "error"] == []


@pytest.mark.parametrize("name", DEPTHS)
def test_labels_below_others_are_parts_of_them(name: str, tmp_path: Path) -> None:
    text, found = DEPTHS[name]
    assert outcome({"a.csv": text}, tmp_path) == found


@pytest.mark.parametrize("name", SEVERAL)
def test_people_who_gave_several_answers_are_not_added_up(name: str, tmp_path: Path) -> None:
    text, found = SEVERAL[name]
    assert outcome({"a.csv": text}, tmp_path) == found


@pytest.mark.parametrize("name", THINGS)
def test_different_things_are_not_added_up(name: str, tmp_path: Path) -> None:
    text, found = THINGS[name]
    assert outcome({"a.csv": text}, tmp_path) == found


def test_a_level_that_tells_only_some_parts_takes_nobody_s_place(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "98.csv").write_text(PROFILE, encoding="utf-8")
    draft = infer(tmp_path / "tables", beside=tmp_path)
    assert draft.records == 1521
    assert [entry.body.get("bins") for entry in draft.variables] == [None, [0, 15, 65]]
    assert any("'level_2' is not used: it has only some of the parts of '65 years and over'" in one for one in draft.remarks)
    assert [one for one in check(parse_spec(scaffold(draft)).placed_in(tmp_path)) if "filled in" not in one.message] == []


@pytest.mark.parametrize("name", SOME_PARTS)
def test_a_whole_beside_some_of_its_parts_is_asked_about(name: str, tmp_path: Path) -> None:
    text, people, question = SOME_PARTS[name]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(text, encoding="utf-8")
    spec = scaffold(infer(tmp_path / "tables", beside=tmp_path))
    assert f"records: {people}" in spec
    assert question in " ".join(spec.replace("#", " ").split())
    assert any("filled in" in one.message and "targets[0]" in one.where for one in check(parse_spec(spec).placed_in(tmp_path)))


def test_categories_of_which_one_is_large_are_not_asked_about(tmp_path: Path) -> None:
    text = "Area,Owned,Rented\nA,90,20\nB,70,30\nC,80,25\n"
    assert outcome({"a.csv": text}, tmp_path) == 315


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Tenure;count\nowned;500\n\nrented;2011\nfree;300\n", 2811),
        ("id;Age;Tenure;count\n1;0-15;owned;50\n2;;rented;60\n\n3;16+;owned;2059\n4;;rented;70\n", 2239),
        ("Tenure;count\nowned;50\nrented;60\n\nAge;count\n0-15;40\n16+;70\n", 110),
        ("Table 7. Sex\nSex;count\nBot\nMen;107\nSource: the office, 2021\nWom\nSource: the office, 2021\n", REFUSED),
    ],
)
def test_counts_as_large_as_years_are_no_heads_of_another_table(text: str, found: int | str, tmp_path: Path) -> None:
    assert outcome({"a.csv": text}, tmp_path) == found


def test_a_band_as_large_as_others_is_not_their_total(tmp_path: Path) -> None:
    text = "Sex,Under 15,15-24,25-64,65+\nM,30,20,50,210\nF,150,10,160,170\nX,30,20,50,90\n"
    assert outcome({"a.csv": text}, tmp_path) == 990


def test_a_whole_and_some_of_its_parts_are_both_met_as_the_remark_says(tmp_path: Path) -> None:
    text, people, _ = SOME_PARTS["a total and one part"]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(text, encoding="utf-8")
    draft = infer(tmp_path / "tables", beside=tmp_path)
    assert any("with `where`" in remark for remark in draft.remarks)
    spec = parse_spec(
        f"""
records: {people}
variables: {{Area: {{type: category, values: [A, B, C]}}, cars: {{type: category, values: [No cars, some]}}}}
targets:
  - {{table: tables/a.csv, layout: {{wide: [header row 1], only: {{header row 1: Total}}}}}}
  - {{table: tables/a.csv, layout: {{wide: [header row 1], only: {{header row 1: No cars}}}}, where: cars == "No cars"}}
"""
    ).placed_in(tmp_path)
    assert [finding for finding in check(spec) if finding.severity == "error"] == []
    whole, part = compile_problem(spec).targets
    assert (whole.wanted.tolist(), part.wanted.tolist()) == ([90, 70, 80], [20, 30, 25])


@pytest.mark.parametrize(
    "text",
    [
        "age,sex,relationship,count\n0-17,m,child,35\n0-17,f,child,30\n18+,m,head,80\n18+,f,head,80\n18+,m,partner,40\n18+,f,partner,50\n",
        "sex,age,role,count\nm,0-17,father,2\nf,0-17,mother,3\nm,18+,father,40\nf,18+,mother,50\nf,18+,aunt,5\n",
    ],
)
def test_bands_and_sexes_that_follow_from_another_column_are_kept(text: str, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "persons.csv").write_text(text, encoding="utf-8")
    draft = infer(tmp_path / "tables", beside=tmp_path)
    assert {entry.name for entry in draft.variables} == set(text.splitlines()[0].split(",")) - {"count"}
    assert [entry.body for entry in draft.targets] == [{"table": "tables/persons.csv"}]


def test_names_that_labels_share_are_left_out_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    jobs = "nurse,care,o,5/nurse,care,r,6/doctor,care,o,7/doctor,care,r,9/baker,food,o,1/baker,food,r,8"
    text = "\n".join(["job,field,tenure,count", *jobs.split("/"), ""])
    (tmp_path / "tables" / "a.csv").write_text(text, encoding="utf-8")
    draft = infer(tmp_path / "tables", beside=tmp_path)
    assert [entry.name for entry in draft.variables] == ["job", "tenure"]
    assert any("column 'field' was left out: each label of 'job' has one there" in one for one in draft.remarks)
