# cython: boundscheck=False, wraparound=False
"""A controller that learns while it controls, in a loop without the interpreter's lock.

A pendulum with a motor is to follow a movement. What moves it is the sum of two torques: one by feedback, proportional
to how far it is off, and one by a network, which is told where it should be. The network learns, at every step, the sum
itself: what the feedback had to add is its error. So the feedback has less and less to do. (Feedback error learning:
Kawato, Furukawa & Suzuki 1987, "A hierarchical neural-network model for control and learning of voluntary movement".)
"""

import numpy as np

cimport fastbp
from libc.math cimport cos, sin

cdef double STEP = 0.005            # seconds: the loop runs 200 times in one
cdef double GRAVITY = 9.81          # over the length of the pendulum, 1 m
cdef double FRICTION = 0.5
cdef double STIFFNESS = 10.0        # of the feedback, by position and
cdef double DAMPING = 3.0           # by velocity


# Where something is, and how it moves.
cdef struct Motion:
    double position
    double velocity
    double acceleration


cdef Motion wanted(double time) noexcept nogil:
    """Two swings, one on top of the other."""
    return Motion(sin(time) + 0.5 * sin(2 * time), cos(time) + cos(2 * time), -sin(time) - 2 * sin(2 * time))


cdef void move(Motion* pendulum, double torque) noexcept nogil:
    """What happens to the pendulum in one step of time."""
    pendulum.acceleration = torque - GRAVITY * sin(pendulum.position) - FRICTION * pendulum.velocity
    pendulum.velocity += STEP * pendulum.acceleration
    pendulum.position += STEP * pendulum.velocity


cdef class ControlLoop:
    """A pendulum, and a network that learns to move it.

    Parameters
    ----------
    trainer : fastbp.Trainer
        Of a float32 network with three inputs and one output, and SquaredError.
    """

    cdef object capsule             # which is to live as long as the pointer is used
    cdef fastbp.Model* model
    cdef Motion pendulum
    cdef double time

    def __cinit__(self, trainer):
        self.capsule = trainer.capsule()
        self.model = fastbp.import_model(self.capsule, 32)
        if self.model.n_in != 3 or self.model.n_targets != 1:
            raise ValueError(f"expected 3 inputs and 1 target, got {self.model.n_in} and {self.model.n_targets}")

    def run(self, int n_steps):
        """Control for so many steps.

        Returns
        -------
        inputs : ndarray of shape (n_steps, 3), float32
            Position, velocity and acceleration as wanted.
        predictions, targets : ndarray of shape (n_steps,), float32
            The network's torque, and that which it then learnt.
        losses : ndarray of shape (n_steps,), float64
        errors : ndarray of shape (n_steps,), float64
            How far the pendulum was off.
        """
        inputs, predictions = np.empty((n_steps, 3), np.float32), np.empty(n_steps, np.float32)
        targets, losses, errors = np.empty(n_steps, np.float32), np.empty(n_steps), np.empty(n_steps)
        cdef float[:, ::1] x = inputs
        cdef float[::1] predicted = predictions
        cdef float[::1] target = targets
        cdef double[::1] loss = losses
        cdef double[::1] error = errors
        cdef fastbp.Model* model = self.model
        cdef Motion goal
        cdef double feedback
        cdef int status = fastbp.OK
        cdef int i
        with nogil:
            for i in range(n_steps):
                goal = wanted(self.time)
                x[i, 0], x[i, 1], x[i, 2] = <float> goal.position, <float> goal.velocity, <float> goal.acceleration
                status = model.predict_one(model, &x[i, 0], &predicted[i])
                if status != fastbp.OK:
                    break
                error[i] = goal.position - self.pendulum.position
                feedback = STIFFNESS * error[i] + DAMPING * (goal.velocity - self.pendulum.velocity)
                target[i] = <float> (predicted[i] + feedback)
                move(&self.pendulum, target[i])
                self.time += STEP
                status = model.learn_one(model, &x[i, 0], &target[i], &loss[i])
                if status != fastbp.OK:
                    break
        if status != fastbp.OK:
            raise RuntimeError(model.message(status).decode())
        return inputs, predictions, targets, losses, errors
