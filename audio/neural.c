/* The network of neural.py as machine code, made by `make compile`; where it was not made, numpy does the same.
 *
 * Every sum runs over its terms in their order, one lane of a vector for each output, and no product is fused with a
 * sum: so what it remembers comes out the same to the last bit whichever of the variants below a processor runs, and
 * whatever is heard beside it. What is heard together shares the way of the weights through the caches, which is most of what a step costs.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define MOST 16     /* steps that are heard in one go */
#define SEEN 288    /* samples of a step, 32 of them seen before */
#define PADDED 320  /* and the last 32 mirrored */
#define BINS 65
#define CELLS 128
#define LANES 16
#define PANEL 64    /* outputs that are summed side by side; weights lie as [panel][input][PANEL] */

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define EVERY_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_PROCESSOR
#endif

typedef float Lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* Where the parts of the weights begin, floats; `neural.py` lays them out in this order. */
enum {
    FOURIER = 0,
    CONV0 = FOURIER + 128 * 128,
    CONV1 = CONV0 + 3 * BINS * 128,
    CONV2 = CONV1 + 384 * 64,
    CONV3 = CONV2 + 128 * 64,
    GATES = CONV3 + 64 * 128,
    BIAS0 = GATES + 256 * 512,
    BIAS1 = BIAS0 + 128,
    BIAS2 = BIAS1 + 64,
    BIAS3 = BIAS2 + 64,
    GATE_BIAS = BIAS3 + 128,
    SCORE = GATE_BIAS + 512,
    SCORE_BIAS = SCORE + 128,
    WEIGHTS = SCORE_BIAS + 1
};

/* One step between its layers. */
typedef struct {
    float sound[PADDED];
    float spectrum[4 * 128];
    float bins[6 * BINS];
    float first[5 * 128], second[2 * 64], third[64];
    float state[2 * CELLS], gates[4 * CELLS];
    float cell[CELLS];
} Step;

/* Vectors of `count` rows of each step times one matrix: out = max(in * weights + bias, least). */
EVERY_PROCESSOR static void layer(Step *steps, int many, size_t in, size_t hop, size_t out, int count, int inputs,
                                  int outputs, const float *weights, const float *bias, float least) {
    for (int panel = 0; panel < outputs; panel += PANEL) {
        const float *column = weights + (size_t)panel * inputs;
        for (int step = 0; step < many; step++) {
            for (int row = 0; row < count; row++) {
                const float *seen = (const float *)((const char *)&steps[step] + in) + row * hop;
                float *told = (float *)((char *)&steps[step] + out) + row * outputs + panel;
                Lanes a = {0}, b = {0}, c = {0}, d = {0};
                for (int k = 0; k < inputs; k++) {
                    const Lanes *w = (const Lanes *)(column + (size_t)k * PANEL);
                    a += w[0] * seen[k];
                    b += w[1] * seen[k];
                    c += w[2] * seen[k];
                    d += w[3] * seen[k];
                }
                memcpy(told, &a, sizeof a);
                memcpy(told + LANES, &b, sizeof b);
                memcpy(told + 2 * LANES, &c, sizeof c);
                memcpy(told + 3 * LANES, &d, sizeof d);
                for (int k = 0; bias && k < PANEL; k++) {
                    float sum = told[k] + bias[panel + k];
                    told[k] = sum > least ? sum : least;
                }
            }
        }
    }
}

/* Samples, scaled and cut off, with the mirror of their end. */
static void take(Step *step, const float *samples, float scale) {
    for (int k = 0; k < SEEN; k++) {
        float value = samples[k] * scale;
        step->sound[k] = value > 1.0f ? 1.0f : value < -1.0f ? -1.0f : value;
    }
    for (int k = 0; k < PADDED - SEEN; k++)
        step->sound[SEEN + k] = step->sound[SEEN - 2 - k];
}

/* The spectrum holds 65 real parts, then the imaginary ones of 1 to 63: those of the first and last bin are nothing. */
EVERY_PROCESSOR static void magnitudes(Step *step) {
    memset(step->bins, 0, sizeof step->bins);
    for (int row = 0; row < 4; row++) {
        const float *real = step->spectrum + row * 128, *imaginary = real + BINS - 1;
        float *bins = step->bins + (row + 1) * BINS;
        for (int k = 0; k < BINS; k++)
            bins[k] = real[k] * real[k];
        for (int k = 1; k < BINS - 1; k++)
            bins[k] += imaginary[k] * imaginary[k];
        for (int k = 0; k < BINS; k++)
            bins[k] = sqrtf(bins[k]);
    }
}

/* tanh as a quotient of polynomials with the coefficients of Eigen, right to 4e-7. */
static inline float hyperbolic(float x) {
    x = x > 7.9053111f ? 7.9053111f : x < -7.9053111f ? -7.9053111f : x;
    float q = x * x;
    float over = -2.76076847742355e-16f;
    over = over * q + 2.00018790482477e-13f;
    over = over * q + -8.60467152213735e-11f;
    over = over * q + 5.12229709037114e-08f;
    over = over * q + 1.48572235717979e-05f;
    over = over * q + 6.37261928875436e-04f;
    over = over * q + 4.89352455891786e-03f;
    float under = 1.19825839466702e-06f;
    under = under * q + 1.18534705686654e-04f;
    under = under * q + 2.26843463243900e-03f;
    under = under * q + 4.89352518554385e-03f;
    return x * over / under;
}

/* The cell of the LSTM: gates to enter, to keep, what is new, to leave; a sigmoid is (1 + tanh(x / 2)) / 2, and the
 * inner half is in the weights. */
EVERY_PROCESSOR static void remember(Step *step) {
    for (int k = 0; k < 4 * CELLS; k++)
        step->gates[k] = hyperbolic(step->gates[k]);
    for (int k = 0; k < CELLS; k++) {
        float enter = step->gates[k] + 1.0f, keep = step->gates[CELLS + k] + 1.0f;
        float fresh = step->gates[2 * CELLS + k], leave = step->gates[3 * CELLS + k] + 1.0f;
        float held = (keep * step->cell[k] + enter * fresh) * 0.5f;
        step->cell[k] = held;
        step->state[CELLS + k] = leave * 0.5f * hyperbolic(held);
    }
}

static double probability(const Step *step, const float *weights) {
    double score = weights[SCORE_BIAS];
    for (int k = 0; k < CELLS; k++) {
        float output = step->state[CELLS + k];
        score += output > 0.0f ? (double)output * weights[SCORE + k] : 0.0;
    }
    return 1.0 / (1.0 + exp(-score));
}

#define OF(part) offsetof(Step, part)

static void hear(Step *steps, int many, const float *weights) {
    layer(steps, many, OF(sound), 64, OF(spectrum), 4, 128, 128, weights + FOURIER, NULL, 0);
    for (int k = 0; k < many; k++) {
        magnitudes(&steps[k]);
        memset(steps[k].first, 0, 128 * sizeof(float));
    }
    layer(steps, many, OF(bins), BINS, OF(first) + 128 * sizeof(float), 4, 3 * BINS, 128, weights + CONV0,
          weights + BIAS0, 0);
    layer(steps, many, OF(first), 256, OF(second), 2, 384, 64, weights + CONV1, weights + BIAS1, 0);
    layer(steps, many, OF(second), 0, OF(third), 1, 128, 64, weights + CONV2, weights + BIAS2, 0);
    layer(steps, many, OF(third), 0, OF(state), 1, 64, CELLS, weights + CONV3, weights + BIAS3, 0);
    layer(steps, many, OF(state), 0, OF(gates), 1, 2 * CELLS, 4 * CELLS, weights + GATES, weights + GATE_BIAS,
          -INFINITY);
    for (int k = 0; k < many; k++)
        remember(&steps[k]);
}

/* An array's floats, which it keeps alive; NULL and an exception where it is no such thing. */
static float *floats(PyObject *array, Py_ssize_t size, int writable) {
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
        return NULL;
    float *start = view.buf;
    Py_ssize_t bytes = view.len;
    PyBuffer_Release(&view);
    if (bytes == size * (Py_ssize_t)sizeof(float))
        return start;
    PyErr_Format(PyExc_ValueError, "%zd floats are wanted, %zd bytes came", size, bytes);
    return NULL;
}

static PyObject *hear_steps(PyObject *weights, PyObject *samples, PyObject *memories, PyObject *scales) {
    static Step steps[MOST]; /* in the cache from one call to the next; the interpreter's lock guards it */
    Py_ssize_t many = PyList_GET_SIZE(samples);
    const float *known = floats(weights, WEIGHTS, 0);
    if (known == NULL)
        return NULL;
    float *kept[MOST];
    for (Py_ssize_t k = 0; k < many; k++) {
        const float *sound = floats(PyList_GET_ITEM(samples, k), SEEN, 0);
        kept[k] = sound == NULL ? NULL : floats(PyList_GET_ITEM(memories, k), 2 * CELLS, 1);
        double scale = kept[k] == NULL ? 0.0 : PyFloat_AsDouble(PyList_GET_ITEM(scales, k));
        if (kept[k] == NULL || PyErr_Occurred())
            return NULL;
        take(&steps[k], sound, (float)scale);
        memcpy(steps[k].state + CELLS, kept[k], CELLS * sizeof(float));
        memcpy(steps[k].cell, kept[k] + CELLS, CELLS * sizeof(float));
    }
    hear(steps, (int)many, known);
    PyObject *told = PyList_New(many);
    for (Py_ssize_t k = 0; told != NULL && k < many; k++) {
        memcpy(kept[k], steps[k].state + CELLS, CELLS * sizeof(float));
        memcpy(kept[k] + CELLS, steps[k].cell, CELLS * sizeof(float));
        PyObject *voice = PyFloat_FromDouble(probability(&steps[k], known));
        if (voice == NULL)
            Py_CLEAR(told);
        else
            PyList_SET_ITEM(told, k, voice);
    }
    return told;
}

/* hear(weights, samples, memories, scales) -> probabilities of up to MOST steps; arrays of float32, lists of such. */
static PyObject *method_hear(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    if (count != 4 || !PyList_Check(given[1]) || !PyList_Check(given[2]) || !PyList_Check(given[3])) {
        PyErr_SetString(PyExc_TypeError, "hear(weights, samples, memories, scales), the last three are lists");
        return NULL;
    }
    Py_ssize_t many = PyList_GET_SIZE(given[1]);
    if (many > MOST || PyList_GET_SIZE(given[2]) != many || PyList_GET_SIZE(given[3]) != many) {
        PyErr_Format(PyExc_ValueError, "up to %d steps, as many memories and scales as samples", MOST);
        return NULL;
    }
    return hear_steps(given[0], given[1], given[2], given[3]);
}

static PyMethodDef METHODS[] = {
    {"hear", (PyCFunction)(void (*)(void))method_hear, METH_FASTCALL, "Steps of the network; see audio.neural."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "audio.neural_steps", .m_methods = METHODS};

PyMODINIT_FUNC PyInit_neural_steps(void) { return PyModule_Create(&MODULE); }
