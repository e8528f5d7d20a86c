#include "lib/unit.h"

#include <string.h>

/* value in base units = value * factor + offset, all exact decimals. The base of temperature is a ninth of a kelvin, so that a degree Fahrenheit is 5 of them. */
struct ea_unit {
    const char *name, *dimension, *factor, *offset;
};

static const struct ea_unit units[] = {
    { "m", "length", "1", "0" },
    { "nm", "length", "1e-9", "0" },
    { "\xC2\xB5m", "length", "1e-6", "0" },
    { "\xCE\xBCm", "length", "1e-6", "0" },
    { "um", "length", "1e-6", "0" },
    { "mm", "length", "0.001", "0" },
    { "cm", "length", "0.01", "0" },
    { "dm", "length", "0.1", "0" },
    { "km", "length", "1000", "0" },
    { "in", "length", "0.0254", "0" },
    { "ft", "length", "0.3048", "0" },
    { "yd", "length", "0.9144", "0" },
    { "mi", "length", "1609.344", "0" },

    { "kg", "mass", "1", "0" },
    { "g", "mass", "0.001", "0" },
    { "mg", "mass", "1e-6", "0" },
    { "\xC2\xB5g", "mass", "1e-9", "0" },
    { "\xCE\xBCg", "mass", "1e-9", "0" },
    { "ug", "mass", "1e-9", "0" },
    { "t", "mass", "1000", "0" },
    { "lb", "mass", "0.45359237", "0" },

    { "s", "time", "1", "0" },
    { "ms", "time", "0.001", "0" },
    { "\xC2\xB5s", "time", "1e-6", "0" },
    { "\xCE\xBCs", "time", "1e-6", "0" },
    { "us", "time", "1e-6", "0" },
    { "ns", "time", "1e-9", "0" },
    { "min", "time", "60", "0" },
    { "h", "time", "3600", "0" },
    { "d", "time", "86400", "0" },

    { "K", "temperature", "9", "0" },
    { "degC", "temperature", "9", "2458.35" },
    { "\xC2\xB0"
      "C",
      "temperature", "9", "2458.35" },
    { "degF", "temperature", "5", "2298.35" },
    { "\xC2\xB0"
      "F",
      "temperature", "5", "2298.35" },

    { "m^2", "area", "1", "0" },
    { "m\xC2\xB2", "area", "1", "0" },
    { "cm^2", "area", "1e-4", "0" },
    { "cm\xC2\xB2", "area", "1e-4", "0" },
    { "mm^2", "area", "1e-6", "0" },
    { "km^2", "area", "1e6", "0" },
    { "ha", "area", "1e4", "0" },

    { "L", "volume", "0.001", "0" },
    { "l", "volume", "0.001", "0" },
    { "dL", "volume", "1e-4", "0" },
    { "cL", "volume", "1e-5", "0" },
    { "mL", "volume", "1e-6", "0" },
    { "ml", "volume", "1e-6", "0" },
    { "m^3", "volume", "1", "0" },
    { "m\xC2\xB3", "volume", "1", "0" },
    { "dm^3", "volume", "0.001", "0" },
    { "cm^3", "volume", "1e-6", "0" },
    { "cm\xC2\xB3", "volume", "1e-6", "0" },

    { "m/s", "speed", "18", "0" },
    { "km/h", "speed", "5", "0" }, /* the base is a km/h's fifth */

    { "N", "force", "1", "0" },
    { "kN", "force", "1000", "0" },
    { "mN", "force", "0.001", "0" },

    { "J", "energy", "1", "0" },
    { "kJ", "energy", "1000", "0" },
    { "MJ", "energy", "1e6", "0" },
    { "kWh", "energy", "3.6e6", "0" },
    { "Wh", "energy", "3600", "0" },
    { "cal", "energy", "4.184", "0" },
    { "kcal", "energy", "4184", "0" },

    { "W", "power", "1", "0" },
    { "mW", "power", "0.001", "0" },
    { "kW", "power", "1000", "0" },
    { "MW", "power", "1e6", "0" },

    { "Pa", "pressure", "1", "0" },
    { "hPa", "pressure", "100", "0" },
    { "kPa", "pressure", "1000", "0" },
    { "MPa", "pressure", "1e6", "0" },
    { "bar", "pressure", "1e5", "0" },
    { "mbar", "pressure", "100", "0" },
    { "atm", "pressure", "101325", "0" },

    { "V", "voltage", "1", "0" },
    { "mV", "voltage", "0.001", "0" },
    { "kV", "voltage", "1000", "0" },
    { "A", "current", "1", "0" },
    { "mA", "current", "0.001", "0" },
    { "Hz", "frequency", "1", "0" },
    { "kHz", "frequency", "1000", "0" },
    { "MHz", "frequency", "1e6", "0" },
    { "mol", "amount", "1", "0" },
    { "mmol", "amount", "0.001", "0" },
};

const struct ea_unit *ea_unit_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

bool ea_unit_alike(const struct ea_unit *a, const struct ea_unit *b)
{
    return strcmp(a->dimension, b->dimension) == 0;
}

static enum ea_err scale(const struct ea_unit *u, const struct ea_exact *x, struct ea_exact *factor,
                         struct ea_exact *out)
{
    enum ea_err err = ea_exact_read(u->factor, strlen(u->factor), factor);

    return err ? err : ea_exact_mul(x, factor, out);
}

/* Only x is moved by the offsets, so that y stays the value times the factor and a share of it is a share of the value. */
enum ea_err ea_unit_compare(const struct ea_unit *from, const struct ea_exact *x, const struct ea_unit *to,
                            const struct ea_exact *y, struct ea_exact *x_out, struct ea_exact *y_out,
                            struct ea_exact *one)
{
    struct ea_exact factor, here, there;
    enum ea_err err;

    if ((err = scale(from, x, &factor, x_out)) || (err = scale(to, y, one, y_out)) ||
        (err = ea_exact_read(from->offset, strlen(from->offset), &here)) ||
        (err = ea_exact_read(to->offset, strlen(to->offset), &there)) ||
        (err = ea_exact_add(x_out, &here, x_out)))
        return err;
    return ea_exact_sub(x_out, &there, x_out);
}
