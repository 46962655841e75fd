"""Enthalpy of water and steam by IAPWS-IF97, as far as plants meet it: liquid, vapour and the line between.

IAPWS R7-97(2012), "Industrial Formulation 1997 for the Thermodynamic Properties of Water and Steam": region 1 (liquid
up to 350 °C), region 2 (vapour up to 800 °C, outside the neighbourhood of the critical point) and region 4
(saturation). Temperatures in K, absolute pressures in MPa, enthalpies in kJ/kg, 0 for the liquid at the triple point.
Implemented here because the packages that have it are under the GPL; held against the verification tables of the
release by the tests.
"""

from math import sqrt

R = 0.461526  # kJ/(kg K), equation 1
LOWEST_K, HIGHEST_K = 273.15, 1073.15  # regions 1 and 2
LIQUID_UP_TO_K = 623.15  # above it saturation borders on region 3
HIGHEST_MPA = 100.0

# (I, J, n) of the release's tables 2 and 11, (J, n) of table 10.
# fmt: off
_LIQUID = (
    (0, -2, 1.4632971213167e-1), (0, -1, -8.4548187169114e-1), (0, 0, -3.756360367204), (0, 1, 3.3855169168385),
    (0, 2, -9.5791963387872e-1), (0, 3, 1.5772038513228e-1), (0, 4, -1.6616417199501e-2), (0, 5, 8.1214629983568e-4),
    (1, -9, 2.8319080123804e-4), (1, -7, -6.0706301565874e-4), (1, -1, -1.8990068218419e-2),
    (1, 0, -3.2529748770505e-2), (1, 1, -2.1841717175414e-2), (1, 3, -5.283835796993e-5),
    (2, -3, -4.7184321073267e-4), (2, 0, -3.0001780793026e-4), (2, 1, 4.7661393906987e-5),
    (2, 3, -4.4141845330846e-6), (2, 17, -7.2694996297594e-16), (3, -4, -3.1679644845054e-5),
    (3, 0, -2.8270797985312e-6), (3, 6, -8.5205128120103e-10), (4, -5, -2.2425281908e-6),
    (4, -2, -6.5171222895601e-7), (4, 10, -1.4341729937924e-13), (5, -8, -4.0516996860117e-7),
    (8, -11, -1.2734301741641e-9), (8, -6, -1.7424871230634e-10), (21, -29, -6.8762131295531e-19),
    (23, -31, 1.4478307828521e-20), (29, -38, 2.6335781662795e-23), (30, -39, -1.1947622640071e-23),
    (31, -40, 1.8228094581404e-24), (32, -41, -9.3537087292458e-26),
)
_VAPOUR = (
    (1, 0, -1.7731742473213e-3), (1, 1, -1.7834862292358e-2), (1, 2, -4.5996013696365e-2),
    (1, 3, -5.7581259083432e-2), (1, 6, -5.032527872793e-2), (2, 1, -3.3032641670203e-5), (2, 2, -1.8948987516315e-4),
    (2, 4, -3.9392777243355e-3), (2, 7, -4.3797295650573e-2), (2, 36, -2.6674547914087e-5),
    (3, 0, 2.0481737692309e-8), (3, 1, 4.3870667284435e-7), (3, 3, -3.227767723857e-5), (3, 6, -1.5033924542148e-3),
    (3, 35, -4.0668253562649e-2), (4, 1, -7.8847309559367e-10), (4, 2, 1.2790717852285e-8),
    (4, 3, 4.8225372718507e-7), (5, 7, 2.2922076337661e-6), (6, 3, -1.6714766451061e-11),
    (6, 16, -2.1171472321355e-3), (6, 35, -2.3895741934104e1), (7, 0, -5.905956432427e-18),
    (7, 11, -1.2621808899101e-6), (7, 25, -3.8946842435739e-2), (8, 8, 1.1256211360459e-11),
    (8, 36, -8.2311340897998), (9, 13, 1.9809712802088e-8), (10, 4, 1.0406965210174e-19),
    (10, 10, -1.0234747095929e-13), (10, 14, -1.0018179379511e-9), (16, 29, -8.0882908646985e-11),
    (16, 50, 1.0693031879409e-1), (18, 57, -3.3662250574171e-1), (20, 20, 8.9185845355421e-25),
    (20, 35, 3.0629316876232e-13), (20, 48, -4.2002467698208e-6), (21, 21, -5.9056029685639e-26),
    (22, 53, 3.7826947613457e-6), (23, 39, -1.2768608934681e-15), (24, 26, 7.3087610595061e-29),
    (24, 40, 5.5414715350778e-17), (24, 58, -9.436970724121e-7),
)
_IDEAL = (
    (0, -9.6927686500217), (1, 1.0086655968018e1), (-5, -5.608791128302e-3), (-4, 7.1452738081455e-2),
    (-3, -4.0710498223928e-1), (-2, 1.4240819171444), (-1, -4.383951131945), (2, -2.8408632460772e-1),
    (3, 2.1268463753307e-2),
)
# fmt: on
_SATURATION = (  # table 34
    *(1167.0521452767, -724213.16703206, -17.073846940092, 12020.82470247, -3232555.0322333, 14.91510861353),
    *(-4823.2657361591, 405113.40542057, -0.23855557567849, 650.17534844798),
)


def liquid_enthalpy(mpa: float, kelvin: float) -> float:
    """Region 1, equation 7: h = R T tau gamma_tau."""
    pi, tau = mpa / 16.53, 1386.0 / kelvin
    slope = sum(n * (7.1 - pi) ** i * j * (tau - 1.222) ** (j - 1) for i, j, n in _LIQUID)
    return R * 1386.0 * slope


def vapour_enthalpy(mpa: float, kelvin: float) -> float:
    """Region 2, equations 16 and 17: the ideal-gas part and the residual one."""
    tau = 540.0 / kelvin
    ideal = sum(n * j * tau ** (j - 1) for j, n in _IDEAL)
    residual = sum(n * mpa**i * j * (tau - 0.5) ** (j - 1) for i, j, n in _VAPOUR)
    return R * 540.0 * (ideal + residual)


def saturation_mpa(kelvin: float) -> float:
    """Equation 30: the pressure at which water of this temperature boils, up to the critical point (647.096 K)."""
    n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 = _SATURATION
    theta = kelvin + n9 / (kelvin - n10)
    a = theta**2 + n1 * theta + n2
    b = n3 * theta**2 + n4 * theta + n5
    c = n6 * theta**2 + n7 * theta + n8
    return float((2 * c / (-b + sqrt(b**2 - 4 * a * c))) ** 4)


def saturation_k(mpa: float) -> float:
    """Equation 31: the temperature at which water boils under this pressure, 0.000611213 to 22.064 MPa."""
    n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 = _SATURATION
    beta = mpa**0.25
    e = beta**2 + n3 * beta + n6
    f = n1 * beta**2 + n4 * beta + n7
    g = n2 * beta**2 + n5 * beta + n8
    d = 2 * g / (-f - sqrt(f**2 - 4 * e * g))
    return float((n10 + d - sqrt((n10 + d) ** 2 - 4 * (n9 + n10 * d))) / 2)


def highest_vapour_mpa(kelvin: float) -> float:
    """Up to which pressure vapour of this temperature is in region 2: saturation, then equation 5, then the limit."""
    if kelvin <= LIQUID_UP_TO_K:
        return saturation_mpa(kelvin)
    border: float = 348.05185628969 - 1.1671859879975 * kelvin + 1.0192970039326e-3 * kelvin**2
    return min(border, HIGHEST_MPA)
